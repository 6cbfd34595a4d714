import { type Field, type Schema, typeName } from './schema'

/** What pandas says of a frame in the metadata of its table; whatever of that is not as it should be is left out. */
export interface PandasMetadata {
  /** The columns of the index by their names in the table, or the numbers that it counts up. */
  readonly index: readonly (string | Range)[]
  /** Of each column of the table by its name there: the name of its dtype. */
  readonly dtypes: ReadonlyMap<string, string>
}

export interface Range {
  readonly start: number
  readonly step: number
  readonly length: number
}

/** Undefined of a table that did not come from pandas. */
export function pandasMetadata({ metadata }: Schema): PandasMetadata | undefined {
  const text = metadata.get('pandas')
  const parsed = text === undefined ? undefined : parse(text)
  if (!isObject(parsed)) return undefined
  const entries = list(parsed.index_columns)
  const index = entries.length === 1 ? entries.flatMap(labels) : [...new Set(entries.filter(isName))]
  const dtypes = new Map<string, string>()
  for (const column of list(parsed.columns)) {
    if (!isObject(column)) continue
    const name = column.field_name ?? column.name
    const dtype = dtypeOf(column)
    if (typeof name === 'string' && dtype !== undefined) dtypes.set(name, dtype)
  }
  return { index, dtypes }
}

/** The name of a column's dtype in pandas, or of its type in Arrow. */
export function dtypeName(field: Field, pandas: PandasMetadata | undefined): string {
  return pandas?.dtypes.get(field.name) ?? typeName(field)
}

function dtypeOf(column: Readonly<Record<string, unknown>>): string | undefined {
  if (column.pandas_type === 'categorical') return 'category' // the dtype that is told is that of the codes
  const { numpy_type: dtype, metadata } = column
  if (typeof dtype !== 'string') return undefined
  const zone = isObject(metadata) ? metadata.timezone : undefined
  const moment = /^datetime64\[(\w+)\]$/.exec(dtype)
  return moment !== null && typeof zone === 'string' ? `datetime64[${moment[1]}, ${zone}]` : dtype
}

function labels(entry: unknown): (string | Range)[] {
  return isName(entry) ? [entry] : rangeOf(entry)
}

function isName(entry: unknown): entry is string {
  return typeof entry === 'string'
}

function rangeOf(entry: unknown): Range[] {
  if (!isObject(entry) || entry.kind !== 'range') return []
  const { start, stop, step } = entry
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(stop) || !Number.isSafeInteger(step) || step === 0)
    return []
  const length = Math.max(0, Math.ceil(((stop as number) - (start as number)) / (step as number)))
  return [{ start: start as number, step: step as number, length }]
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
