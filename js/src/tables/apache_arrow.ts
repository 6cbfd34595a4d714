import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { ArrowBatch, ArrowData, ArrowField, ArrowSchema, ArrowTable, ArrowType, ArrowVector } from './shape'

type Made<T, Args extends readonly unknown[]> = new (...args: Args) => T

/** What is used of apache-arrow. Its own types are not asked for: programs in TypeScript need not have it. */
export interface ApacheArrow {
  readonly tableFromIPC: (bytes: Uint8Array) => ArrowTable
  readonly Schema: Made<ArrowSchema, [fields: readonly ArrowField[], metadata: ReadonlyMap<string, string>]>
  readonly Field: Made<
    ArrowField,
    [name: string, type: ArrowType, nullable: boolean, metadata: ReadonlyMap<string, string>]
  >
  readonly Struct: Made<ArrowType, [fields: readonly ArrowField[]]>
  readonly Data: Made<
    ArrowData,
    [
      type: ArrowType,
      offset: number,
      length: number,
      nullCount: number,
      buffers: readonly unknown[],
      children: readonly ArrowData[],
      dictionary: ArrowVector | undefined,
    ]
  >
  readonly Vector: Made<ArrowVector, [data: readonly ArrowData[]]>
  readonly RecordBatch: Made<ArrowBatch, [schema: ArrowSchema, data: ArrowData]>
  readonly RecordBatchStreamWriter: Made<BatchWriter, []>
  readonly AsyncByteQueue: Made<Sink, []>
}

interface BatchWriter {
  reset(sink: Sink, schema: ArrowSchema): BatchWriter
  write(batch: ArrowBatch): void
  finish(): void
}

interface Sink {
  write(chunk: Uint8Array): void
}

/** Undefined until it is looked for; null where there is none. */
let loaded: ApacheArrow | null | undefined

/** The program's apache-arrow; undefined where it has none, or none that can be loaded. */
export function apacheArrow(): ApacheArrow | undefined {
  if (loaded === undefined) loaded = load()
  return loaded ?? undefined
}

/** That which is next to this package, as a peer dependency is, else that of the program. */
function load(): ApacheArrow | null {
  try {
    return require('apache-arrow') as ApacheArrow
  } catch {
    return loadFrom(require.main?.filename ?? process.argv[1]) ?? loadFrom(join(process.cwd(), 'any.js')) ?? null
  }
}

function loadFrom(file: string | undefined): ApacheArrow | undefined {
  if (file === undefined) return undefined
  try {
    return createRequire(file)('apache-arrow') as ApacheArrow
  } catch {
    return undefined
  }
}
