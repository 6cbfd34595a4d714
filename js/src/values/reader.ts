import { IpcError } from '../errors'
import { attachedTo } from './attached'
import { knownKey, learnKey } from './keys'

/** Up to here a string is put together from its characters, which beats the call into C++. */
const shortString = 24
const nothing = Buffer.alloc(0)

/**
 * Reads numbers, strings and bytes from a part of a buffer. Nothing that it reads is trusted: every length is
 * checked against what is left before it is used.
 */
export class Reader {
  protected buffer: Buffer = nothing
  private start = 0
  protected at = 0
  protected end = 0

  protected open(buffer: Buffer, start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= buffer.length)) throw new RangeError('bytes outside the buffer')
    this.buffer = buffer
    this.start = this.at = start
    this.end = end
  }

  /** Of what is attached to the message, that which stands here; it is read in its order. */
  protected takeAttached(length: number): ArrayBuffer {
    const attached = attachedTo(this.buffer)
    if (length !== 4) throw this.malformed('an attachment whose place is not 4 bytes')
    const place = this.uint32()
    const buffer = attached !== undefined && place === attached.taken ? attached.buffers[place] : undefined
    if (buffer === undefined || attached === undefined) {
      throw this.malformed('an attachment that did not come with the message, or not in its order')
    }
    attached.taken++
    return buffer
  }

  /** Lets go of the buffer, not to keep alive a slab that its owner has dropped. */
  close(): void {
    this.buffer = nothing
  }

  expectEnd(): void {
    if (this.at !== this.end) throw this.malformed(`${this.end - this.at} bytes after the value`)
  }

  protected key(): string {
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

  protected string(length: number): string {
    const { buffer } = this
    const start = this.take(length)
    const end = this.at
    const short = length <= shortString ? ascii(buffer, start, end) : undefined
    return short ?? this.utf8(start, end)
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
  protected binary(length: number): Buffer {
    const start = this.take(length)
    return Buffer.from(this.buffer.subarray(start, this.at))
  }

  protected byte(): number {
    if (this.at >= this.end) throw this.truncated(1)
    return this.buffer[this.at++] as number
  }

  protected uint16(): number {
    const at = this.take(2)
    return ((this.buffer[at] as number) << 8) | (this.buffer[at + 1] as number)
  }

  protected uint32(): number {
    const { buffer } = this
    const at = this.take(4)
    const upper = ((buffer[at] as number) << 8) | (buffer[at + 1] as number)
    return upper * 0x10000 + (((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number))
  }

  /** Steps over `length` bytes; where they start. */
  protected take(length: number): number {
    const start = this.at
    if (length > this.end - start) throw this.truncated(length)
    this.at = start + length
    return start
  }

  protected expect(length: number): void {
    if (length > this.end - this.at) throw this.truncated(length)
  }

  private truncated(length: number): IpcError {
    return this.malformed(`${length} bytes announced, ${this.end - this.at} left`)
  }

  protected malformed(reason: string): IpcError {
    return new IpcError('data_loss', `malformed value at byte ${this.at - this.start}: ${reason}`)
  }
}

/** The characters of these bytes; undefined when they are not ASCII. Four at a time, because each `+` makes a string. */
function ascii(buffer: Buffer, start: number, end: number): string | undefined {
  let text = ''
  let at = start
  for (; at + 4 <= end; at += 4) {
    const a = buffer[at] as number
    const b = buffer[at + 1] as number
    const c = buffer[at + 2] as number
    const d = buffer[at + 3] as number
    if ((a | b | c | d) >= 0x80) return undefined
    text += String.fromCharCode(a, b, c, d)
  }
  for (; at < end; at++) {
    const byte = buffer[at] as number
    if (byte >= 0x80) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}
