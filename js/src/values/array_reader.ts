import type { ElementType } from '../arrays/dtype'
import { made } from '../arrays/ndarray'
import { Parts } from '../arrays/parts'
import { isPossible, maxDimensions, sizeOf, stridesOf } from '../arrays/shapes'
import { type FieldType, structureType } from '../arrays/structures'
import { maxFieldDepth, wireType } from '../arrays/types'
import { isIpcError } from '../errors'
import { attachedTo } from './attached'
import { Reader } from './reader'
import { extension, heavy } from './wire'

/** Reads arrays: [dtype, shape, data]. */
export abstract class ArrayReader extends Reader {
  protected abstract weigh(weight: number): void

  /** The array in the next `length` bytes: a typed array if that says all of it. */
  protected ndarray(length: number): object {
    this.expect(length)
    this.weigh(1)
    const outer = this.end
    this.end = this.at + length
    if (this.items() !== 3) throw this.malformed('an array that is not its dtype, its shape and its data')
    const type = this.dtype(0)
    const shape = this.shape(type.size)
    const size = sizeOf(shape)
    const bytes = this.elements(size * type.size)
    if (this.at !== this.end) throw this.malformed(`${this.end - this.at} bytes after an array`)
    this.end = outer
    const data = new type.store(bytes.buffer, bytes.byteOffset, size * type.width)
    if (type.isPlain && shape.length === 1) return data
    return made(new Parts(data, type, { shape, strides: stridesOf(shape), offset: 0 }))
  }

  /** The elements of an array, so many bytes. */
  private elements(size: number): Buffer {
    const attached = attachedTo(this.buffer)
    const taken = attached?.taken
    const bytes = this.data(size)
    if (attached !== undefined && attached.taken !== taken) attached.arrays.push(bytes.buffer as ArrayBuffer)
    return bytes
  }

  /** Bytes in memory of their own, aligned for whatever they are; `size` is how many they must be, if that is known. */
  protected data(size?: number): Buffer {
    this.weigh(heavy - 1)
    const head = this.byte()
    if (head === 0xd6 && this.byte() === extension.attached) {
      const buffer = this.takeAttached(4)
      this.expectSize(buffer.byteLength, size)
      return Buffer.from(buffer)
    }
    const length = head === 0xc4 ? this.byte() : head === 0xc5 ? this.uint16() : head === 0xc6 ? this.uint32() : -1
    if (length < 0) throw this.malformed('data that are not bytes')
    this.expectSize(length, size)
    const start = this.take(length)
    const data = Buffer.allocUnsafeSlow(length)
    this.buffer.copy(data, 0, start, this.at)
    return data
  }

  private expectSize(length: number, size: number | undefined): void {
    if (size !== undefined && length !== size) throw this.malformed(`${length} bytes for an array of ${size}`)
  }

  private dtype(depth: number): ElementType {
    if (!this.isItemsAhead()) {
      const name = this.text()
      return wireType(name) ?? this.refuse(`the unknown dtype ${name}`)
    }
    if (depth === maxFieldDepth) throw this.malformed(`fields nested more than ${maxFieldDepth} levels deep`)
    const count = this.items()
    const fields: FieldType[] = []
    for (let index = 0; index < count; index++) fields.push(this.field(depth))
    try {
      return structureType(fields)
    } catch (thrown) {
      throw isIpcError(thrown) ? this.malformed(thrown.message) : thrown
    }
  }

  private field(depth: number): FieldType {
    const parts = this.items()
    if (parts !== 2 && parts !== 3) throw this.malformed('a field that is not its name, its dtype and its shape')
    const name = this.text()
    const type = this.dtype(depth + 1)
    return { name, type, shape: parts === 3 ? this.shape(type.size) : [] }
  }

  private shape(itemSize: number): number[] {
    const count = this.items()
    if (count > maxDimensions) throw this.malformed(`more than ${maxDimensions} dimensions`)
    const shape: number[] = []
    for (let axis = 0; axis < count; axis++) shape.push(this.dimension())
    if (!isPossible(shape, itemSize)) throw this.malformed('a shape of more elements than there can be')
    return shape
  }

  private dimension(): number {
    const head = this.byte()
    if (head < 0x80) return head
    let dimension = -1
    if (head === 0xcc) dimension = this.byte()
    else if (head === 0xcd) dimension = this.uint16()
    else if (head === 0xce) dimension = this.uint32()
    else if (head === 0xcf) dimension = this.uint32() * 0x1_0000_0000 + this.uint32()
    else if (head === 0xd0) dimension = (this.byte() << 24) >> 24
    else if (head === 0xd1) dimension = (this.uint16() << 16) >> 16
    else if (head === 0xd2) dimension = this.uint32() | 0
    else if (head === 0xd3) dimension = (this.uint32() | 0) * 0x1_0000_0000 + this.uint32()
    if (dimension < 0) throw this.malformed('a dimension that is no integer from 0 on')
    return dimension
  }

  private isItemsAhead(): boolean {
    const head = this.at < this.end ? (this.buffer[this.at] as number) : 0
    return (head >= 0x90 && head <= 0x9f) || head === 0xdc || head === 0xdd
  }

  /** How many items the array that comes next has. */
  protected items(): number {
    const head = this.isItemsAhead() ? this.byte() : 0
    if (head === 0) throw this.malformed('a part of an array that is no list')
    const count = head === 0xdc ? this.uint16() : head === 0xdd ? this.uint32() : head & 0x0f
    this.expect(count)
    this.weigh(heavy - 1 + count)
    return count
  }

  protected text(): string {
    const head = this.byte()
    if (head >= 0xa0 && head < 0xc0) return this.string(head & 0x1f)
    if (head === 0xd9) return this.string(this.byte())
    if (head === 0xda) return this.string(this.uint16())
    if (head === 0xdb) return this.string(this.uint32())
    throw this.malformed('a name that is not a string')
  }

  private refuse(reason: string): never {
    throw this.malformed(reason)
  }
}
