import { isThere } from '../arrays/typed'
import { attachedFrom, maxAttachments } from '../native'
import { Refused } from './refused'
import { extension, heavy, maxWeight, tooLarge, writeDouble } from './wire'

const initialSize = 8 * 1024
/** A slab that one large message made grow beyond this is not kept for the next. */
const keptSize = 1024 * 1024
/** Up to here a string is written character by character, which beats the call into C++. */
const shortString = 24
/** Up to here room for the worst case, three bytes a character, is cheaper than counting them first. */
const mediumString = 16 * 1024
const high = 0x1_0000_0000
/** What a subclass or a property of the object's cannot replace: what it tells is copied. */
const byteLength = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength')
  ?.get as () => number
const canonicalNaN = Uint8Array.of(0x7f, 0xf8, 0, 0, 0, 0, 0, 0)

/** Bytes that are sent beside those that are written: in one piece, or in parts that follow one another. */
export type Outgoing = Uint8Array | readonly Uint8Array[]

/** These, and how many they were when their turn came. */
interface Attached {
  readonly bytes: Outgoing
  readonly length: number
}

export const nothingAttached: readonly never[] = []
/** What stands for it among the bytes. */
const attachedSize = 6

/** Writes MessagePack into a slab that grows. Every method makes room for what it writes. */
export class Writer {
  buffer: Buffer = Buffer.allocUnsafeSlow(initialSize)
  protected at = 0
  private weight = 0
  protected attached: readonly Attached[] = nothingAttached

  /** `attaches`: what is large is sent beside the bytes. */
  constructor(private readonly attaches: boolean) {}

  protected begin(): void {
    this.at = 0
    this.attached = nothingAttached
    this.weight = 1
    if (this.buffer.length > keptSize) this.buffer = Buffer.allocUnsafeSlow(initialSize)
  }

  protected byte(value: number): void {
    this.room(1)
    this.buffer[this.at++] = value
  }

  protected number(value: number): void {
    if ((value | 0) === value) {
      if (value !== 0 || 1 / value > 0) this.int32(value)
      else this.double(value)
    } else if (Number.isSafeInteger(value)) this.int64(value)
    else this.double(value)
  }

  private int32(value: number): void {
    this.room(5)
    const { buffer } = this
    let at = this.at
    if (value >= 0) {
      if (value < 0x80) buffer[at++] = value
      else if (value < 0x100) {
        buffer[at++] = 0xcc
        buffer[at++] = value
      } else if (value < 0x10000) {
        buffer[at++] = 0xcd
        buffer[at++] = value >> 8
        buffer[at++] = value
      } else at = this.head32(0xce, value)
    } else if (value >= -0x20) buffer[at++] = value
    else if (value >= -0x80) {
      buffer[at++] = 0xd0
      buffer[at++] = value
    } else if (value >= -0x8000) {
      buffer[at++] = 0xd1
      buffer[at++] = value >> 8
      buffer[at++] = value
    } else at = this.head32(0xd2, value)
    this.at = at
  }

  /** A safe integer that is not an int32. */
  private int64(value: number): void {
    this.room(9)
    if (value > 0 && value < high) {
      this.at = this.head32(0xce, value)
      return
    }
    this.at = this.head32(value > 0 ? 0xcf : 0xd3, Math.floor(value / high))
    this.uint32(value)
  }

  protected bigInt(value: bigint): void {
    if (value >= -0x8000_0000_0000_0000n && value <= 0xffff_ffff_ffff_ffffn) {
      if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
        this.number(Number(value))
        return
      }
      this.room(9)
      this.at = this.head32(value > 0n ? 0xcf : 0xd3, Number((value >> 32n) & 0xffff_ffffn))
      this.uint32(Number(value & 0xffff_ffffn))
      return
    }
    const magnitude = value < 0n ? ~value : value
    let hex = magnitude.toString(16)
    if (hex.length % 2 === 1) hex = `0${hex}`
    // A set top bit is the sign's; so a magnitude that has it takes one byte more.
    if (hex.charCodeAt(0) > 0x37) hex = `00${hex}`
    const contents = Buffer.from(hex, 'hex')
    if (value < 0n) for (let index = 0; index < contents.length; index++) contents[index] = ~(contents[index] as number)
    this.extensionHeader(extension.bigInt, contents.length)
    this.raw(contents, contents.length)
  }

  protected double(value: number): void {
    this.room(9)
    this.buffer[this.at] = 0xcb
    // A NaN has many forms, and which one the engine holds is chance; they all leave as the same.
    if (Number.isNaN(value)) this.buffer.set(canonicalNaN, this.at + 1)
    else writeDouble(this.buffer, this.at + 1, value)
    this.at += 9
  }

  protected string(value: string): void {
    const { length } = value
    if (length <= shortString) {
      this.room(length + 2)
      const { buffer } = this
      let at = this.at
      buffer[at++] = 0xa0 | length
      let index = 0
      for (; index < length; index++) {
        const code = value.charCodeAt(index)
        if (code >= 0x80) break
        buffer[at++] = code
      }
      if (index === length) {
        this.at = at
        return
      }
    }
    this.longString(value)
  }

  private longString(value: string): void {
    const { length } = value
    const most = length <= mediumString ? 3 * length : Buffer.byteLength(value)
    this.room(5 + most)
    const start = this.at
    // The header's size follows from the byte count, which only writing tells; mostly it is that of ASCII.
    const guess = stringHeaderSize(length)
    const written = this.buffer.write(value, start + guess)
    if (written !== length && loneSurrogate.test(value)) {
      throw new Refused('a string with a lone surrogate, which UTF-8 cannot carry: send Buffer.from(text).toString()')
    }
    const size = stringHeaderSize(written)
    if (size !== guess) this.buffer.copyWithin(start + size, start + guess, start + guess + written)
    if (size === 1) this.buffer[this.at++] = 0xa0 | written
    else this.header(written, 0xd9, 0xda, 0xdb)
    this.at += written
  }

  protected binary(value: Uint8Array): void {
    const length = byteLength.call(value)
    if (length === 0) expectThere(value)
    this.weigh(heavy - 1)
    if (this.mayAttach(length)) this.attach(value, length)
    else {
      this.header(length, 0xc4, 0xc5, 0xc6)
      this.raw(value, length)
    }
  }

  private mayAttach(length: number): boolean {
    return length >= attachedFrom && this.attaches && this.attached.length < maxAttachments
  }

  private attach(bytes: Outgoing, length: number): void {
    this.extensionHeader(extension.attached, 4)
    this.uint32(this.attached.length)
    if (this.attached === nothingAttached) this.attached = []
    ;(this.attached as Attached[]).push({ bytes, length })
  }

  /** What is sent beside the bytes. A getter of the user's may have transferred some of it since it was written. */
  takeAttached(): readonly Outgoing[] {
    const { attached } = this
    if (attached === nothingAttached) return nothingAttached
    this.attached = nothingAttached
    for (const { bytes, length } of attached) if (lengthOf(bytes) !== length) throw new Refused(noMemory)
    return attached.map(({ bytes }) => bytes)
  }

  /** The elements of an array, or the stream of a table: so many bytes. */
  protected data(bytes: Outgoing, length: number): void {
    this.weigh(heavy - 1)
    if (this.mayAttach(length)) this.attach(bytes, length)
    else {
      this.header(length, 0xc4, 0xc5, 0xc6)
      for (const part of partsOf(bytes)) this.raw(part, part.length)
    }
  }

  /** How many bytes data() takes for as many. */
  protected sizeOfData(length: number): number {
    if (this.mayAttach(length)) return attachedSize
    return length + (length < 0x100 ? 2 : length < 0x10000 ? 3 : 5)
  }

  /** Headers weigh the items that follow: 1 each, to which those that are heavy add the rest themselves. */
  protected weigh(weight: number): void {
    this.weight += weight
    if (this.weight > maxWeight) throw new Refused(tooLarge(), 'too large')
  }

  protected arrayHeader(count: number): void {
    this.weigh(heavy - 1 + count)
    if (count < 16) this.byte(0x90 | count)
    else this.header(count, 0, 0xdc, 0xdd)
  }

  protected mapHeader(count: number): void {
    this.weigh(heavy - 1 + 2 * count)
    if (count < 16) this.byte(0x80 | count)
    else this.header(count, 0, 0xde, 0xdf)
  }

  /** Corrects an object's count, in a header of the size that it has. */
  protected recount(start: number, announced: number, count: number): void {
    this.weigh(2 * (count - announced))
    if (announced < 16) this.buffer[start] = 0x80 | count
    else if (announced < 0x10000) this.buffer.writeUInt16BE(count, start + 1)
    else this.buffer.writeUInt32BE(count, start + 1)
  }

  protected extensionHeader(type: number, size: number): void {
    this.weigh(heavy - 1)
    const fixed = fixedExtension(size)
    if (fixed !== 0) this.byte(fixed)
    else this.header(size, 0xc7, 0xc8, 0xc9)
    this.byte(type)
  }

  /** Starts an extension whose size its contents will tell; `endExtension` takes what this returns. */
  protected beginExtension(): number {
    this.room(6)
    this.at += 6
    return this.at
  }

  /** Of the contents `more` bytes are still to come. */
  protected endExtension(type: number, start: number, more = 0): void {
    const size = this.at - start
    this.at = start - 6
    this.weigh(1)
    this.extensionHeader(type, size + more)
    if (this.at !== start) this.buffer.copyWithin(this.at, start, start + size)
    this.at += size
  }

  private raw(bytes: Uint8Array, length: number): void {
    if (length === 0) return
    this.room(length)
    this.buffer.set(bytes, this.at)
    this.at += length
  }

  /** Four bytes of an integer of any sign and size, modulo 2^32. */
  protected uint32(value: number): void {
    this.room(4)
    this.at = this.put32(this.at, value)
  }

  /** A length in one, two or four bytes behind the first byte that says so; 0 where there is no one-byte form. */
  private header(count: number, head8: number, head16: number, head32: number): void {
    this.room(5)
    const { buffer } = this
    if (head8 !== 0 && count < 0x100) {
      buffer[this.at++] = head8
    } else if (count < 0x10000) {
      buffer[this.at++] = head16
      buffer[this.at++] = count >> 8
    } else if (count < high) {
      this.at = this.head32(head32, count)
      return
    } else throw new Refused(tooLong, 'too large')
    buffer[this.at++] = count
  }

  private head32(head: number, value: number): number {
    this.buffer[this.at] = head
    return this.put32(this.at + 1, value)
  }

  private put32(at: number, value: number): number {
    const { buffer } = this
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
    return at + 4
  }

  private room(size: number): void {
    if (this.at + size > this.buffer.length) this.grow(this.at + size)
  }

  private grow(needed: number): void {
    if (needed >= high) throw new Refused(tooLong, 'too large')
    const larger = allocate(Math.max(needed, 2 * this.buffer.length)) ?? allocate(needed)
    if (larger === undefined) throw new Refused(`no memory for the ${needed} bytes that this takes`, 'too large')
    this.buffer.copy(larger, 0, 0, this.at)
    this.buffer = larger
  }
}

function allocate(size: number): Buffer | undefined {
  try {
    return Buffer.allocUnsafeSlow(size)
  } catch {
    return undefined
  }
}

function partsOf(bytes: Outgoing): readonly Uint8Array[] {
  return Array.isArray(bytes) ? (bytes as readonly Uint8Array[]) : [bytes as Uint8Array]
}

export function lengthOf(bytes: Outgoing): number {
  return partsOf(bytes).reduce((sum, part) => sum + byteLength.call(part), 0)
}

/** What was transferred, to a worker for instance, looks empty, and what a resizable buffer has shrunk away from. */
function expectThere(bytes: Uint8Array): void {
  if (!isThere(bytes)) throw new Refused(noMemory)
}

export const noMemory =
  'bytes whose ArrayBuffer was transferred, or made shorter than they reach: send them before, or a copy'
const tooLong = 'longer than the 4 GiB that a message can have'
const loneSurrogate = /\p{Surrogate}/u

function stringHeaderSize(bytes: number): number {
  if (bytes < 32) return 1
  return bytes < 0x100 ? 2 : bytes < 0x10000 ? 3 : 5
}

/** The first byte of an extension of one of the sizes that need no length; 0 for other sizes. */
function fixedExtension(size: number): number {
  switch (size) {
    case 1:
      return 0xd4
    case 2:
      return 0xd5
    case 4:
      return 0xd6
    case 8:
      return 0xd7
    case 16:
      return 0xd8
    default:
      return 0
  }
}
