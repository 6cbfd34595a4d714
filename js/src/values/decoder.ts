import { IpcError, isIpcError } from '../errors'
import { wideNumber } from '../native'
import { printed } from '../printed'
import { unsignedAt } from './big_int'
import { CollisionGuard } from './collisions'
import { Reader } from './reader'
import { isEnginesLimit } from './refused'
import { Kwargs } from './types'
import { extension, heavy, maxDepth, maxWeight, methodWeight, readDouble, tooLarge } from './wire'

/**
 * How integers arrive: 'mixed', safe ones as number and others as BigInt; 'bigint', all as BigInt;
 * 'error', as number or not at all.
 */
export type Int64 = 'mixed' | 'bigint' | 'error'

export interface DecodeOptions {
  int64?: Int64
}

/** The streams that a message carries, for what is decoded of it. */
export interface CarriedStreams {
  /** The one that stands at such a place; undefined when there is none, or it was asked for before. */
  take(place: number): object | undefined
}

/** Makes what stands here for the functions and objects of the other side. An id below zero is that of a retained one. */
export interface ArrivingReferences {
  function(id: number): object
  object(id: number, names: readonly string[]): object
}

/** Of a map whose values are also wanted as they stand in the bytes. */
export interface Entry {
  key: string
  value: unknown
  /** Of both, in the buffer that was decoded. */
  bytes: Buffer
}

const high = 0x1_0000_0000
/** The last moment, in milliseconds, that a Date can hold. */
const lastDate = 8.64e15
const objectPrototype = Object.prototype
const farIndex = '100000'

/** Reads values by the table of docs/values.md. Arrays grow as their items arrive, whatever length was announced. */
class ValueReader extends Reader {
  private int64: Int64 = 'mixed'
  private streams: CarriedStreams | undefined
  private references: ArrivingReferences | undefined
  private weight = 0
  private readonly collisions = new CollisionGuard()

  begin(
    buffer: Buffer,
    start: number,
    end: number,
    options: DecodeOptions | undefined,
    streams: CarriedStreams | undefined,
    references: ArrivingReferences | undefined,
  ): void {
    this.open(buffer, start, end)
    this.streams = streams
    this.references = references
    this.weight = 1
    this.collisions.begin()
    this.int64 = options?.int64 ?? 'mixed'
  }

  override close(): void {
    super.close()
    this.streams = this.references = undefined
  }

  arguments(): unknown[] {
    const head = this.byte()
    let count = 0
    if (head >= 0x90 && head <= 0x9f) count = head & 0x0f
    else if (head === 0xdc) count = this.uint16()
    else if (head === 0xdd) count = this.uint32()
    else throw this.malformed('arguments that are not an array')
    this.expect(count)
    this.weigh(heavy - 1 + count)
    const args: unknown[] = []
    for (let index = 0; index < count; index++) {
      if (index === count - 1 && this.extensionAhead() === extension.kwargs) args.push(this.kwargs())
      else args.push(this.value(0))
    }
    return args
  }

  /** Those of a map, one after the other. */
  *entries(): Generator<Entry> {
    const count = this.mapCount()
    this.expect(2 * count)
    for (let index = 0; index < count; index++) {
      const start = this.at
      const key = this.key()
      const value = this.value(1)
      yield { key, value, bytes: this.buffer.subarray(start, this.at) }
    }
  }

  private mapCount(): number {
    const head = this.byte()
    if (head >= 0x80 && head <= 0x8f) return head & 0x0f
    if (head === 0xde) return this.uint16()
    if (head === 0xdf) return this.uint32()
    throw this.malformed('metadata that are no map')
  }

  value(depth: number): unknown {
    const head = this.byte()
    if (head < 0x80) return this.int64 === 'bigint' ? BigInt(head) : head
    if (head >= 0xe0) return this.integer(head - 0x100)
    if (head < 0x90) return this.object(head & 0x0f, depth)
    if (head < 0xa0) return this.array(head & 0x0f, depth)
    if (head < 0xc0) return this.string(head & 0x1f)
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.bytes(this.byte())
      case 0xc5:
        return this.bytes(this.uint16())
      case 0xc6:
        return this.bytes(this.uint32())
      case 0xc7:
        return this.extension(this.byte(), depth)
      case 0xc8:
        return this.extension(this.uint16(), depth)
      case 0xc9:
        return this.extension(this.uint32(), depth)
      case 0xca:
        return this.buffer.readFloatBE(this.take(4))
      case 0xcb:
        return readDouble(this.buffer, this.take(8))
      case 0xcc:
        return this.integer(this.byte())
      case 0xcd:
        return this.integer(this.uint16())
      case 0xce:
        return this.integer(this.uint32())
      case 0xcf:
        return this.long(this.uint32(), this.uint32())
      case 0xd0:
        return this.integer((this.byte() << 24) >> 24)
      case 0xd1:
        return this.integer((this.uint16() << 16) >> 16)
      case 0xd2:
        return this.integer(this.uint32() | 0)
      case 0xd3:
        return this.long(this.uint32() | 0, this.uint32())
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extension(1 << (head - 0xd4), depth)
      case 0xd9:
        return this.string(this.byte())
      case 0xda:
        return this.string(this.uint16())
      case 0xdb:
        return this.string(this.uint32())
      case 0xdc:
        return this.array(this.uint16(), depth)
      case 0xdd:
        return this.array(this.uint32(), depth)
      case 0xde:
        return this.object(this.uint16(), depth)
      case 0xdf:
        return this.object(this.uint32(), depth)
      default:
        throw this.malformed('a byte that MessagePack never uses')
    }
  }

  /** Containers weigh their items: 1 each, to which those that are heavy add the rest themselves. */
  private weigh(weight: number): void {
    this.weight += weight
    if (this.weight > maxWeight) throw new IpcError('resource_exhausted', tooLarge())
  }

  private bytes(length: number): Buffer {
    this.weigh(heavy - 1)
    return this.binary(length)
  }

  private array(count: number, depth: number): unknown[] {
    if (depth >= maxDepth) throw this.tooDeep()
    this.expect(count)
    this.weigh(heavy - 1 + count)
    const items: unknown[] = []
    for (let index = 0; index < count; index++) items.push(this.value(depth + 1))
    return items
  }

  private object(count: number, depth: number): Record<string, unknown> {
    if (depth >= maxDepth) throw this.tooDeep()
    this.expect(2 * count)
    this.weigh(heavy - 1 + 2 * count)
    const object: Record<string, unknown> = {}
    let spread = false
    for (let index = 0; index < count; index++) {
      const key = this.key()
      if (!spread && key.charCodeAt(0) <= 0x39 && isFarIndex(key, count)) {
        spreadElements(object)
        spread = true
      }
      const value = this.value(depth + 1)
      // Plain assignment would call __proto__'s setter, and fail for names that a frozen Object.prototype has.
      if (key in objectPrototype) define(object, key, value)
      else object[key] = value
    }
    return object
  }

  private integer(value: number): number | bigint {
    return this.int64 === 'bigint' ? BigInt(value) : value
  }

  private long(upper: number, lower: number): number | bigint {
    const value = upper * high + lower
    if (Number.isSafeInteger(value)) return this.integer(value)
    return this.beyond((BigInt(upper) << 32n) | BigInt(lower))
  }

  /** An integer that no number holds exactly. */
  private beyond(value: bigint): bigint {
    if (this.int64 === 'error') {
      throw new IpcError(
        'out_of_range',
        "an integer beyond 2^53, which a number cannot hold (the option int64 is 'error')",
      )
    }
    return value
  }

  private extension(length: number, depth: number): unknown {
    const type = (this.byte() << 24) >> 24
    this.weigh(heavy - 1)
    switch (type) {
      case extension.timestamp:
        return this.timestamp(length)
      case extension.localDateTime:
        return this.localDateTime(length)
      case extension.bigInt:
        return this.bigInt(length)
      case extension.map: {
        const items = this.contents(length, depth)
        if (items.length % 2 !== 0) throw this.malformed('a map with a key but no value')
        this.collisions.expectSpread(items, 2)
        const map = new Map<unknown, unknown>()
        for (let index = 0; index < items.length; index += 2) map.set(items[index], items[index + 1])
        return map
      }
      case extension.set: {
        const items = this.contents(length, depth)
        this.collisions.expectSpread(items, 1)
        return new Set(items)
      }
      case extension.stream:
        return this.stream(length)
      case extension.function:
        return this.function(length)
      case extension.object:
        return this.reference(length, depth)
      case extension.kwargs:
        throw this.malformed('keyword arguments elsewhere than at the end of the arguments')
      default:
        throw this.malformed(`the unknown extension type ${type}`)
    }
  }

  private stream(length: number): object {
    if (length !== 4) throw this.malformed('a stream whose place is not 4 bytes')
    const stream = this.streams?.take(this.uint32())
    if (stream === undefined) throw this.malformed('a stream that the message does not carry, or that it has twice')
    return stream
  }

  private function(length: number): object {
    if (length !== 8) throw this.malformed('a function whose id is not 8 bytes')
    return this.expectReferences().function(this.referenceId())
  }

  private reference(length: number, depth: number): object {
    if (length < 9) throw this.malformed('an object by reference without an id and methods')
    const references = this.expectReferences()
    const id = this.referenceId()
    if (id > 0) throw this.malformed('an object by reference that is not retained')
    const names = this.contents(length - 8, depth)
    this.weigh((methodWeight - 1) * names.length)
    if (!names.every(name => typeof name === 'string')) throw this.malformed('an object by reference with odd methods')
    return references.object(id, names as string[])
  }

  private expectReferences(): ArrivingReferences {
    if (this.references === undefined) throw this.malformed('a reference where none can be')
    return this.references
  }

  private referenceId(): number {
    return wideNumber(this.uint32(), this.uint32())
  }

  /** The array that fills an extension. */
  private contents(length: number, depth: number): unknown[] {
    const items = this.within(length, depth)
    if (!Array.isArray(items)) throw this.malformed('a map or set whose contents are not an array')
    return items
  }

  /** The one value in the next `length` bytes. */
  private within(length: number, depth: number): unknown {
    this.expect(length)
    this.weigh(1)
    const outer = this.end
    this.end = this.at + length
    const value = this.value(depth)
    if (this.at !== this.end) throw this.malformed(`${this.end - this.at} bytes after an extension's contents`)
    this.end = outer
    return value
  }

  private extensionAhead(): number | undefined {
    const { at, buffer } = this
    const head = at < this.end ? (buffer[at] as number) : 0
    const skip = head >= 0xd4 && head <= 0xd8 ? 1 : head === 0xc7 ? 2 : head === 0xc8 ? 3 : head === 0xc9 ? 5 : 0
    if (skip === 0 || at + skip >= this.end) return undefined
    return ((buffer[at + skip] as number) << 24) >> 24
  }

  private kwargs(): Kwargs {
    const length = this.extensionLength(this.byte())
    this.byte()
    this.weigh(heavy - 1)
    const values = this.within(length, -1) // the object of keywords is not itself a level of any argument
    if (typeof values !== 'object' || values === null || Object.getPrototypeOf(values) !== objectPrototype) {
      throw this.malformed('keyword arguments that are not an object')
    }
    return new Kwargs(values as Record<string, unknown>)
  }

  private extensionLength(head: number): number {
    if (head === 0xc7) return this.byte()
    if (head === 0xc8) return this.uint16()
    return head === 0xc9 ? this.uint32() : 1 << (head - 0xd4)
  }

  private timestamp(length: number): Date {
    let seconds = 0
    let nanoseconds = 0
    if (length === 4) seconds = this.uint32()
    else if (length === 8) {
      const upper = this.uint32()
      nanoseconds = upper >>> 2
      seconds = (upper & 3) * high + this.uint32()
    } else if (length === 12) {
      nanoseconds = this.uint32()
      seconds = (this.uint32() | 0) * high + this.uint32()
    } else throw this.malformed('a timestamp of a length that MessagePack does not define')
    if (nanoseconds > 999_999_999) throw this.malformed('a timestamp with more than a second of nanoseconds')
    return dateOf(seconds * 1000 + Math.floor(nanoseconds / 1_000_000))
  }

  private localDateTime(length: number): Date {
    if (length !== 8) throw this.malformed('a local datetime that is not 8 bytes')
    const microseconds = (BigInt(this.uint32() | 0) << 32n) | BigInt(this.uint32())
    const below = microseconds % 1000n < 0n ? 1n : 0n
    const clock = dateOf(Number(microseconds / 1000n - below))
    const local = new Date(0)
    local.setFullYear(clock.getUTCFullYear(), clock.getUTCMonth(), clock.getUTCDate())
    local.setHours(clock.getUTCHours(), clock.getUTCMinutes(), clock.getUTCSeconds(), clock.getUTCMilliseconds())
    return dateOf(local.getTime())
  }

  private bigInt(length: number): number | bigint {
    if (length === 0) throw this.malformed('an integer without bytes')
    const start = this.take(length)
    const magnitude = unsignedAt(this.buffer, start, this.at)
    const negative = (this.buffer[start] as number) >= 0x80
    const value = negative ? magnitude - (1n << BigInt(8 * length)) : magnitude
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return this.integer(Number(value))
    return this.beyond(value)
  }

  private tooDeep(): IpcError {
    return this.malformed(`nested more than ${maxDepth} levels deep`)
  }
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}

/** Whether it is an array index for which V8 would make room for many more elements than an object of `count` keys has. */
function isFarIndex(key: string, count: number): boolean {
  return key.length <= 4 && Number(key) > 16 + 4 * count
}

/** Has V8 keep the object's elements in a hash table: `{ "1000": null }` would take 12 kB, and a message may hold a million of it. */
function spreadElements(object: Record<string, unknown>): void {
  object[farIndex] = null
  delete object[farIndex]
}

function dateOf(milliseconds: number): Date {
  if (!(Math.abs(milliseconds) <= lastDate)) throw new IpcError('out_of_range', 'a moment that no Date can hold')
  return new Date(milliseconds)
}

// One for all: decoding runs no code of the user's, so it is never entered twice.
const reader = new ValueReader()

/**
 * The value in `buffer` from `start` to `end`. Throws IpcError: 'data_loss' for bytes that no encoder makes,
 * 'resource_exhausted' for more values than are allowed.
 */
export function decode(
  buffer: Buffer,
  start: number,
  end: number,
  options?: DecodeOptions,
  streams?: CarriedStreams,
  references?: ArrivingReferences,
): unknown {
  reader.begin(buffer, start, end, options, streams, references)
  try {
    const value = reader.value(0)
    reader.expectEnd()
    return value
  } catch (thrown) {
    throw unreadable(thrown)
  } finally {
    reader.close()
  }
}

/** What a map in `buffer` holds, with the bytes of each key and value; throws as `decode` does. */
export function decodeEntries(buffer: Buffer): Entry[] {
  reader.begin(buffer, 0, buffer.length, undefined, undefined, undefined)
  try {
    const entries = [...reader.entries()]
    reader.expectEnd()
    return entries
  } catch (thrown) {
    throw unreadable(thrown)
  } finally {
    reader.close()
  }
}

/** A call's arguments, the keyword ones as a `Kwargs` at the end; throws as `decode` does. */
export function decodeArgs(
  buffer: Buffer,
  start: number,
  end: number,
  options?: DecodeOptions,
  streams?: CarriedStreams,
  references?: ArrivingReferences,
): unknown[] {
  reader.begin(buffer, start, end, options, streams, references)
  try {
    const args = reader.arguments()
    reader.expectEnd()
    return args
  } catch (thrown) {
    throw unreadable(thrown)
  } finally {
    reader.close()
  }
}

function unreadable(thrown: unknown): IpcError {
  if (isIpcError(thrown)) return thrown
  const why = isEnginesLimit(thrown)
    ? 'no memory for a value, or it is too large for this engine'
    : 'a value cannot be read'
  const code = isEnginesLimit(thrown) ? 'resource_exhausted' : 'internal'
  return new IpcError(code, `${why}: ${printed(thrown)}`, undefined, { cause: thrown })
}
