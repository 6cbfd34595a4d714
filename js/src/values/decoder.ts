import { IpcError } from '../errors'
import { knownKey, learnKey } from './keys'
import { Kwargs } from './types'
import { extension, maxDepth, readDouble } from './wire'

/**
 * How integers arrive: 'mixed', safe ones as number and others as BigInt; 'bigint', all as BigInt;
 * 'error', as number or not at all.
 */
export type Int64 = 'mixed' | 'bigint' | 'error'

export interface DecodeOptions {
  int64?: Int64
}

/** Up to here a string is read character by character, which beats the call into C++. */
const shortString = 12
const high = 0x1_0000_0000
/** The last moment, in milliseconds, that a Date can hold. */
const lastDate = 8.64e15
const nothing = Buffer.alloc(0)
const objectPrototype = Object.prototype

/**
 * Reads values by the table of docs/values.md. Nothing that it reads is trusted: every length is checked against
 * what is left before it is used, and what is announced is never allocated ahead of what has arrived.
 */
class Reader {
  private buffer: Buffer = nothing
  private start = 0
  private at = 0
  private end = 0
  private int64: Int64 = 'mixed'

  open(buffer: Buffer, start: number, end: number, options: DecodeOptions | undefined): void {
    if (!(start >= 0 && start <= end && end <= buffer.length)) throw new RangeError('bytes outside the buffer')
    this.buffer = buffer
    this.start = this.at = start
    this.end = end
    this.int64 = options?.int64 ?? 'mixed'
  }

  /** Lets go of the buffer, not to keep alive a slab that its owner has dropped. */
  close(): void {
    this.buffer = nothing
  }

  expectEnd(): void {
    if (this.at !== this.end) throw this.malformed(`${this.end - this.at} bytes after the value`)
  }

  arguments(): unknown[] {
    const head = this.byte()
    let count = 0
    if (head >= 0x90 && head <= 0x9f) count = head & 0x0f
    else if (head === 0xdc) count = this.uint16()
    else if (head === 0xdd) count = this.uint32()
    else throw this.malformed('arguments that are not an array')
    const args: unknown[] = []
    for (let index = 0; index < count; index++) {
      if (index === count - 1 && this.extensionAhead() === extension.kwargs) args.push(this.kwargs())
      else args.push(this.value(0))
    }
    return args
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
        return this.binary(this.byte())
      case 0xc5:
        return this.binary(this.uint16())
      case 0xc6:
        return this.binary(this.uint32())
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

  private array(count: number, depth: number): unknown[] {
    if (depth >= maxDepth) throw this.tooDeep()
    this.expect(count)
    const items: unknown[] = []
    for (let index = 0; index < count; index++) items.push(this.value(depth + 1))
    return items
  }

  private object(count: number, depth: number): Record<string, unknown> {
    if (depth >= maxDepth) throw this.tooDeep()
    this.expect(2 * count)
    const object: Record<string, unknown> = {}
    for (let index = 0; index < count; index++) {
      const key = this.key()
      const value = this.value(depth + 1)
      // Plain assignment would call __proto__'s setter, and fail for names that a frozen Object.prototype has.
      if (key in objectPrototype) define(object, key, value)
      else object[key] = value
    }
    return object
  }

  private key(): string {
    const length = this.keyLength()
    const start = this.take(length)
    const end = this.at
    const known = knownKey(this.buffer, start, end)
    if (known !== undefined) return known
    this.at = start
    const text = this.string(length)
    learnKey(this.buffer, start, end, text)
    return text
  }

  private keyLength(): number {
    const head = this.byte()
    if (head >= 0xa0 && head < 0xc0) return head & 0x1f
    if (head === 0xd9) return this.byte()
    if (head === 0xda) return this.uint16()
    if (head === 0xdb) return this.uint32()
    throw this.malformed('a key that is not a string')
  }

  private string(length: number): string {
    const { buffer } = this
    const start = this.take(length)
    const end = this.at
    if (length <= shortString) {
      let text = ''
      for (let at = start; at < end; at++) {
        const byte = buffer[at] as number
        if (byte >= 0x80) return this.utf8(start, end)
        text += String.fromCharCode(byte)
      }
      return text
    }
    return this.utf8(start, end)
  }

  private utf8(start: number, end: number): string {
    const text = this.buffer.toString('utf8', start, end)
    // What is not UTF-8 comes out as U+FFFD, which may also be meant; encoded again, only the latter gives the same bytes.
    if (text.includes('\ufffd') && Buffer.from(text).compare(this.buffer, start, end) !== 0) {
      throw this.malformed('a string that is not UTF-8')
    }
    return text
  }

  /** A copy: the slab is used again for the next batch. */
  private binary(length: number): Buffer {
    const start = this.take(length)
    return Buffer.from(this.buffer.subarray(start, this.at))
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
        const map = new Map<unknown, unknown>()
        for (let index = 0; index < items.length; index += 2) map.set(items[index], items[index + 1])
        return map
      }
      case extension.set:
        return new Set(this.contents(length, depth))
      case extension.kwargs:
        throw this.malformed('keyword arguments elsewhere than at the end of the arguments')
      default:
        throw this.malformed(`the unknown extension type ${type}`)
    }
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
    const magnitude = BigInt(`0x${this.buffer.toString('hex', start, this.at)}`)
    const negative = (this.buffer[start] as number) >= 0x80
    const value = negative ? magnitude - (1n << BigInt(8 * length)) : magnitude
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return this.integer(Number(value))
    return this.beyond(value)
  }

  private byte(): number {
    if (this.at >= this.end) throw this.truncated(1)
    return this.buffer[this.at++] as number
  }

  private uint16(): number {
    const at = this.take(2)
    return ((this.buffer[at] as number) << 8) | (this.buffer[at + 1] as number)
  }

  private uint32(): number {
    const { buffer } = this
    const at = this.take(4)
    const upper = ((buffer[at] as number) << 8) | (buffer[at + 1] as number)
    return upper * 0x10000 + (((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number))
  }

  /** Steps over `length` bytes; where they start. */
  private take(length: number): number {
    const start = this.at
    if (length > this.end - start) throw this.truncated(length)
    this.at = start + length
    return start
  }

  private expect(length: number): void {
    if (length > this.end - this.at) throw this.truncated(length)
  }

  private truncated(length: number): IpcError {
    return this.malformed(`${length} bytes announced, ${this.end - this.at} left`)
  }

  private tooDeep(): IpcError {
    return this.malformed(`nested more than ${maxDepth} levels deep`)
  }

  private malformed(reason: string): IpcError {
    return new IpcError('data_loss', `malformed value at byte ${this.at - this.start}: ${reason}`)
  }
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}

function dateOf(milliseconds: number): Date {
  if (!(Math.abs(milliseconds) <= lastDate)) throw new IpcError('out_of_range', 'a moment that no Date can hold')
  return new Date(milliseconds)
}

// One for all: decoding runs no code of the user's, so it is never entered twice.
const reader = new Reader()

/** The value in `buffer` from `start` to `end`. Throws IpcError, 'data_loss' for bytes that no encoder makes. */
export function decode(buffer: Buffer, start: number, end: number, options?: DecodeOptions): unknown {
  reader.open(buffer, start, end, options)
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

/** A call's arguments, the keyword ones as a `Kwargs` at the end; throws as `decode` does. */
export function decodeArgs(buffer: Buffer, start: number, end: number, options?: DecodeOptions): unknown[] {
  reader.open(buffer, start, end, options)
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

/** What the engine throws for a string, BigInt or Map beyond its limits is the value's fault, not the caller's. */
function unreadable(thrown: unknown): IpcError {
  if (thrown instanceof IpcError) return thrown
  return new IpcError('out_of_range', `a value too large for this engine: ${String(thrown)}`)
}
