import { IpcError } from './errors'
import { decode, decodeEntries, Encoder, isPlainObject } from './values'

/** The key under which the names travel of those that calls made inside the handler carry on. */
const passOnKey = ':pass_on'
/** The key under which the marks of the blocked threads travel that wait for the call, directly or not: chain.ts. */
const chainKey = ':chain'
/** The key under which travels how many calls wait for the call, each made by the handler of the one before. */
const depthKey = ':depth'
/**
 * The key under which the threads travel that are blocked until the call is over, in Python. Node.js has none, and hands the bytes
 * on. It is the last, behind the depth, where the core looks for it: core/endpoint/nested_calls.hpp.
 */
const heldKey = ':held'
/** What such keys begin with: they are no user's. */
const reserved = ':'
/** W3C Trace Context: carried on always. */
const alwaysPassedOn: readonly string[] = ['traceparent', 'tracestate']
/** Of what is sent with one call, encoded; the same in every language. */
const maxBytes = 64 * 1024

const encoder = new Encoder({ reason: 'a stream, which no metadata can carry', isLater: false })

/** A key and its value, as they stand in the bytes. */
type Entries = ReadonlyMap<string, Buffer>

/** What travels with a call beside its arguments, as its bytes: one map. */
export class Metadata {
  private known:
    | { entries: Entries; passOn: readonly string[]; chain: readonly string[]; depth: number; held: Buffer | undefined }
    | undefined

  /** The bytes are read when something of them is asked for, which then throws 'data_loss' for what is no map. */
  constructor(
    readonly bytes: Buffer,
    /** Nothing is inherited besides. */
    private readonly isWhole = false,
  ) {}

  /** What the handler sees. */
  values(): Record<string, unknown> {
    const values = decode(this.bytes, 0, this.bytes.length)
    if (!isPlainObject(values)) {
      throw new IpcError('data_loss', 'the caller sent metadata that are no object with names as keys')
    }
    for (const key of Object.keys(values)) if (key.startsWith(reserved)) delete values[key]
    return values
  }

  /** Without reserved keys. */
  get entries(): Entries {
    return this.read().entries
  }

  /** The names of those that are marked to be carried on. */
  get passOn(): readonly string[] {
    return this.read().passOn
  }

  /** The marks of the blocked threads that wait for the call. */
  get chain(): readonly string[] {
    return this.read().chain
  }

  /** How many calls wait for the call. */
  get depth(): number {
    return this.read().depth
  }

  /** The blocked threads that wait for the call, encoded. */
  get held(): Buffer | undefined {
    return this.read().held
  }

  /** The part that calls made inside the handler carry on, for which so many calls wait. */
  carriedOn(depth: number): Metadata | undefined {
    const { entries, passOn, chain, held } = this
    const names = [...alwaysPassedOn, ...passOn].filter(name => entries.has(name))
    if (names.length === 0 && chain.length === 0 && (held === undefined || depth === 0)) return ofDepth(depth)
    return join(new Map(names.map(name => [name, entries.get(name) as Buffer])), passOn, chain, depth, held)
  }

  /** With what `inherited` has under other names. Throws 'invalid_argument' when it is too much. */
  over(inherited: Metadata): Metadata {
    if (this.isWhole) return this
    const passOn = new Set([...inherited.passOn, ...this.passOn])
    const chain = [...inherited.chain, ...this.chain]
    return join(new Map([...inherited.entries, ...this.entries]), [...passOn], chain, inherited.depth, inherited.held)
  }

  /** The same with one mark more. */
  linked(mark: string): Metadata {
    return join(this.entries, this.passOn, [...this.chain, mark], this.depth, this.held)
  }

  /** The same with what `inherited` has besides metadata of other names: nothing more is inherited. */
  whole(inherited: Metadata | undefined): Metadata {
    if (inherited === undefined) return new Metadata(this.bytes, true)
    const { passOn, chain, depth, held } = inherited
    return new Metadata(join(this.entries, passOn, chain, depth, held).bytes, true)
  }

  private read(): NonNullable<Metadata['known']> {
    if (this.known === undefined) {
      const entries = new Map<string, Buffer>()
      let passOn: readonly string[] = []
      let chain: readonly string[] = []
      let depth = 0
      let held: Buffer | undefined
      for (const { key, value, bytes } of decodeEntries(this.bytes)) {
        if (key === passOnKey) passOn = namesIn(value)
        if (key === chainKey) chain = namesIn(value)
        if (key === depthKey) depth = countIn(value)
        if (key === heldKey) held = bytes
        if (!key.startsWith(reserved)) entries.set(key, bytes)
      }
      this.known = { entries, passOn, chain, depth, held }
    }
    return this.known
  }
}

/**
 * Encodes metadata. `passOn` names those that are marked; what of them stands only in `received`, the metadata of the call that
 * the running handler serves, is taken from there.
 *
 * Throws 'invalid_argument' for what cannot be sent, is too much, or is not there.
 */
export function encodeMetadata(
  given: unknown,
  passOn: readonly string[] = [],
  received: Metadata | undefined = undefined,
): Metadata {
  if (!isPlainObject(given)) throw new IpcError('invalid_argument', 'metadata is a plain object')
  const length = encoder.encodeResult(given, 'metadata')
  const metadata = new Metadata(Buffer.from(encoder.buffer.subarray(0, length)))
  for (const key of Object.keys(given)) {
    if (!key.startsWith(reserved)) continue
    throw new IpcError('invalid_argument', `metadata.${key}: names that begin with '${reserved}' are reserved`)
  }
  return expectFit(passOn.length === 0 ? metadata : mark(metadata, passOn, received))
}

/** The same metadata with more of them marked; throws as `encodeMetadata` does. */
export function mark(metadata: Metadata, passOn: readonly string[], received: Metadata | undefined): Metadata {
  const entries = new Map(metadata.entries)
  for (const name of passOn) {
    const entry = entries.get(name) ?? received?.entries.get(name)
    if (entry === undefined) {
      throw new IpcError('invalid_argument', `passOn names '${name}', which is not in the metadata`)
    }
    entries.set(name, entry)
  }
  return join(entries, [...new Set([...metadata.passOn, ...passOn])], metadata.chain)
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : []
}

function countIn(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0
}

/** One map of these. Names without an entry are left out. */
function join(
  entries: Entries,
  passOn: readonly string[],
  chain: readonly string[] = [],
  depth = 0,
  held: Buffer | undefined = undefined,
): Metadata {
  const named = passOn.filter(name => entries.has(name))
  const parts = [...entries.values()]
  let count = entries.size
  const add = (key: string, value: unknown) => {
    parts.push(encoded(key), encoded(value))
    count++
  }
  if (named.length > 0) add(passOnKey, named)
  if (chain.length > 0) add(chainKey, chain)
  if (depth > 0) add(depthKey, depth)
  if (depth > 0 && held !== undefined) {
    parts.push(held)
    count++
  }
  return expectFit(new Metadata(Buffer.concat([mapHeader(count), ...parts])))
}

/** By their depths, metadata of nothing but that, a number of one byte: most calls of handlers have no others. */
const depths: Metadata[] = []
const mostInByte = 127

/** Those of a call of which is told only how many calls wait for it. */
export function ofDepth(depth: number): Metadata | undefined {
  if (depth === 0) return undefined
  if (depth > mostInByte) return join(new Map(), [], [], depth)
  depths[depth] ??= join(new Map(), [], [], depth)
  return depths[depth]
}

/** Those that stand between two places of a message, whose bytes will be used again. */
export function metadataAt(bytes: Buffer, start: number, end: number): Metadata {
  const depth = bytes[end - 1] as number
  const alone = depth > 0 && depth <= mostInByte ? (ofDepth(depth) as Metadata) : undefined
  const isThat = alone !== undefined && bytes.compare(alone.bytes, 0, alone.bytes.length, start, end) === 0
  return isThat ? alone : new Metadata(Buffer.from(bytes.subarray(start, end)))
}

/** Nothing but one mark. */
export function onlyLinked(mark: string): Metadata {
  return join(new Map(), [], [mark])
}

function encoded(value: unknown): Buffer {
  const length = encoder.encodeResult(value)
  return Buffer.from(encoder.buffer.subarray(0, length))
}

function mapHeader(count: number): Buffer {
  if (count < 16) return Buffer.of(0x80 | count)
  const header = Buffer.from([0xdf, 0, 0, 0, 0])
  header.writeUInt32BE(count, 1)
  return header
}

function expectFit(metadata: Metadata): Metadata {
  const { length } = metadata.bytes
  if (length <= maxBytes) return metadata
  const message = `metadata of ${length.toLocaleString('en-US')} bytes: they may take ${maxBytes.toLocaleString('en-US')}`
  throw new IpcError('invalid_argument', message)
}
