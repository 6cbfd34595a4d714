import { isFarIndex, setOwn, spreadElements } from '../own_properties'
import { ExtensionReader } from './extension_reader'
import { Kwargs } from './types'
import { extension, heavy, maxDepth, readDouble } from './wire'

/** Of a map whose values are also wanted as they stand in the bytes. */
export interface Entry {
  key: string
  value: unknown
  /** Of both, in the buffer that was decoded. */
  bytes: Buffer
}

const objectPrototype = Object.prototype

/** Reads values by the table of docs/values.md. Arrays grow as their items arrive, whatever length was announced. */
export class ValueReader extends ExtensionReader {
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
      setOwn(object, key, value)
    }
    return object
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
}
