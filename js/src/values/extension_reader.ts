import { IpcError } from '../errors'
import { wideNumber } from '../native'
import { unsignedAt } from './big_int'
import { CollisionGuard } from './collisions'
import type { ArrivingReferences, CarriedStreams, DecodeOptions, Int64 } from './decoding'
import { TableReader } from './table_reader'
import { extension, heavy, maxDepth, maxWeight, methodWeight, tooLarge } from './wire'

const high = 0x1_0000_0000
/** The last moment, in milliseconds, that a Date can hold. */
const lastDate = 8.64e15

/** Reads what MessagePack has no type of its own for, and counts what values weigh. */
export abstract class ExtensionReader extends TableReader {
  protected int64: Int64 = 'mixed'
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

  abstract value(depth: number): unknown

  /** Containers weigh their items: 1 each, to which those that are heavy add the rest themselves. */
  protected override weigh(weight: number): void {
    this.weight += weight
    if (this.weight > maxWeight) throw new IpcError('resource_exhausted', tooLarge())
  }

  protected extension(length: number, depth: number): unknown {
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
      case extension.array:
        return this.ndarray(length)
      case extension.table:
        return this.table(length)
      case extension.attached:
        return Buffer.from(this.takeAttached(length))
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
  protected within(length: number, depth: number): unknown {
    this.expect(length)
    this.weigh(1)
    const outer = this.end
    this.end = this.at + length
    const value = this.value(depth)
    if (this.at !== this.end) throw this.malformed(`${this.end - this.at} bytes after an extension's contents`)
    this.end = outer
    return value
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

  protected integer(value: number): number | bigint {
    return this.int64 === 'bigint' ? BigInt(value) : value
  }

  protected long(upper: number, lower: number): number | bigint {
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

  protected tooDeep(): IpcError {
    return this.malformed(`nested more than ${maxDepth} levels deep`)
  }
}

function dateOf(milliseconds: number): Date {
  if (!(Math.abs(milliseconds) <= lastDate)) throw new IpcError('out_of_range', 'a moment that no Date can hold')
  return new Date(milliseconds)
}
