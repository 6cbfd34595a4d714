import { malformed } from './malformed'
import { isUtf8 } from './utf8'

/** How deep what is in one message may nest. */
export const maxNesting = 64

/** The bytes of one message's metadata, and how many tables, and bytes of vectors, may still be read of them. */
interface Source {
  readonly bytes: Buffer
  left: number
}

/**
 * A table of a flatbuffer. Nothing that it reads is trusted: every place is checked against the bytes before it is read.
 *
 * Offsets lead forward only, so there are no cycles; and tables, names and lists that many others share are refused, for they would take
 * as long, and as much memory, as all their copies.
 */
export class FlatTable {
  private readonly fieldOffsets: number
  private readonly fieldCount: number

  private constructor(
    private readonly source: Source,
    private readonly at: number,
  ) {
    this.spend(1)
    const start = at - this.int32(at)
    const size = this.uint16(start)
    if (size < 4) throw malformed('a part of its metadata without a size')
    this.fieldOffsets = this.span(start, size) + 4
    this.fieldCount = (size - 4) >> 1
  }

  static root(bytes: Buffer): FlatTable {
    if (bytes.length < 8) throw malformed('a message without metadata')
    return new FlatTable({ bytes, left: bytes.length }, bytes.readUInt32LE(0))
  }

  has(field: number): boolean {
    return this.place(field) !== undefined
  }

  byte(field: number): number {
    const at = this.place(field)
    return at === undefined ? 0 : (this.source.bytes[this.span(at, 1)] as number)
  }

  bool(field: number): boolean {
    return this.byte(field) !== 0
  }

  short(field: number, otherwise = 0): number {
    const at = this.place(field)
    return at === undefined ? otherwise : this.source.bytes.readInt16LE(this.span(at, 2))
  }

  int(field: number, otherwise = 0): number {
    const at = this.place(field)
    return at === undefined ? otherwise : this.int32(at)
  }

  /** A 64-bit integer that tells a size or a place. */
  size(field: number): number {
    const at = this.place(field)
    return at === undefined ? 0 : this.sizeAt(at)
  }

  /** A 64-bit integer that is a name. */
  id(field: number): bigint {
    const at = this.place(field)
    return at === undefined ? 0n : this.source.bytes.readBigInt64LE(this.span(at, 8))
  }

  string(field: number): string {
    const bytes = this.binary(field)
    if (!isUtf8(bytes)) throw malformed('a name that is not UTF-8')
    return bytes.toString()
  }

  binary(field: number): Buffer {
    const [start, count] = this.vector(field, 1)
    return this.source.bytes.subarray(start, start + count)
  }

  table(field: number): FlatTable | undefined {
    const at = this.place(field)
    return at === undefined ? undefined : new FlatTable(this.source, this.target(at))
  }

  tables(field: number): FlatTable[] {
    const [start, count] = this.vector(field, 4)
    const tables: FlatTable[] = []
    for (let index = 0; index < count; index++) {
      tables.push(new FlatTable(this.source, this.target(start + 4 * index)))
    }
    return tables
  }

  ints(field: number): number[] {
    const [start, count] = this.vector(field, 4)
    return Array.from({ length: count }, (_, index) => this.int32(start + 4 * index))
  }

  /** Of structures of two 64-bit integers each. */
  pairs(field: number): [first: number, second: number][] {
    const [start, count] = this.vector(field, 16)
    return Array.from({ length: count }, (_, index) => {
      const at = start + 16 * index
      return [this.sizeAt(at), this.sizeAt(at + 8)]
    })
  }

  /** Where a field is; undefined when it was left out. */
  private place(field: number): number | undefined {
    if (field >= this.fieldCount) return undefined
    const offset = this.source.bytes.readUInt16LE(this.fieldOffsets + 2 * field)
    return offset === 0 ? undefined : this.at + offset
  }

  /** The place and the length of a vector; that of one that was left out is 0. */
  private vector(field: number, itemSize: number): [start: number, count: number] {
    const at = this.place(field)
    if (at === undefined) return [0, 0]
    const start = this.target(at)
    const count = this.uint32(start)
    const first = this.span(start + 4, count * itemSize)
    this.spend(count * itemSize)
    return [first, count]
  }

  private spend(amount: number): void {
    this.source.left -= amount
    if (this.source.left < 0) throw malformed('parts of its metadata overlap')
  }

  private target(at: number): number {
    const offset = this.uint32(at)
    if (offset === 0) throw malformed('a part of its metadata that refers to itself')
    return at + offset
  }

  private sizeAt(at: number): number {
    const { bytes } = this.source
    const size = bytes.readInt32LE(this.span(at, 8) + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at)
    if (size < 0 || size > Number.MAX_SAFE_INTEGER) throw malformed('a size that is below 0, or that nothing has')
    return size
  }

  private uint16(at: number): number {
    return this.source.bytes.readUInt16LE(this.span(at, 2))
  }

  private int32(at: number): number {
    return this.source.bytes.readInt32LE(this.span(at, 4))
  }

  private uint32(at: number): number {
    return this.source.bytes.readUInt32LE(this.span(at, 4))
  }

  private span(at: number, size: number): number {
    if (at < 0 || at + size > this.source.bytes.length) throw malformed('its metadata are cut short')
    return at
  }
}
