import { checkIndices, checkOffsets, checkUnion, countNulls, isValid } from './checks'
import type { FlatTable } from './flatbuffers'
import { malformed } from './malformed'
import type { Field } from './schema'
import { integers, places } from './typed'
import { type ArrowType, isText } from './types'
import { areUtf8 } from './utf8'

/** What one record batch has of a column; every place that its buffers tell has been checked. */
export interface Column {
  readonly field: Field
  readonly length: number
  /** A bit for each value, the lowest first: whether it is there. Undefined where all are. */
  readonly validity: Uint8Array | undefined
  /** The values themselves; of variable sizes the bytes of all, of unions the type of each. */
  readonly data: Buffer
  /** Of variable sizes and lists, where each begins, and where the last ends; of dense unions, where each is in its child. */
  readonly offsets: ArrayLike<number>
  readonly children: readonly Column[]
  /** Where `data` are places in it. */
  readonly dictionary: Dictionary | undefined
}

/** The values of a dictionary; a delta adds to them. */
export interface Dictionary {
  readonly chunks: Column[]
  length: number
}

/** What a column has besides its length and validity. */
type Contents = Partial<Omit<Column, 'field' | 'length' | 'validity'>>

const nothing = { data: Buffer.alloc(0), offsets: [], children: [], dictionary: undefined }

/** Takes the columns of a record batch, one after the other, from the buffers of its body. */
export class ColumnReader {
  private readonly nodes: readonly (readonly [length: number, nulls: number])[]
  private readonly regions: readonly (readonly [offset: number, size: number])[]
  private node = 0
  private region = 0
  private taken = 0

  constructor(
    batch: FlatTable,
    private readonly body: Buffer,
    private readonly dictionaries: ReadonlyMap<bigint, Dictionary>,
  ) {
    if (batch.has(3)) throw malformed('its buffers are compressed')
    this.nodes = batch.pairs(1)
    this.regions = batch.pairs(2)
  }

  /** The next column, of at least so many values. */
  column(field: Field, least: number): Column {
    const node = this.nodes[this.node++]
    if (node === undefined) throw malformed('a batch of fewer columns than its schema says')
    const [length, nulls] = node
    if (length < least) throw malformed(`${length} values where ${least} are needed`)
    if (nulls > length) throw malformed('a column of more nulls than values')
    const type = field.dictionary?.indices ?? field.type
    const validity = this.validity(type, length, nulls)
    return { field, length, validity, ...nothing, ...this.contents(field, type, length, validity) }
  }

  expectEnd(): void {
    if (this.node !== this.nodes.length || this.region !== this.regions.length) {
      throw malformed('a batch of more columns than its schema says')
    }
  }

  private validity({ layout }: ArrowType, length: number, nulls: number): Uint8Array | undefined {
    if (layout === 'none' || layout === 'union') return undefined
    if (nulls === 0) {
      this.buffer(0)
      return undefined
    }
    const validity = this.buffer(Math.ceil(length / 8))
    if (countNulls(validity, length) !== nulls) throw malformed('a column of another number of nulls than it says')
    return validity
  }

  private contents(field: Field, type: ArrowType, length: number, validity: Uint8Array | undefined): Contents {
    if (field.dictionary !== undefined) return this.indices(field.dictionary.id, type, length, validity)
    switch (type.layout) {
      case 'none':
        return {}
      case 'bits':
        return { data: this.buffer(Math.ceil(length / 8)) }
      case 'fixed':
        return { data: this.buffer(length * type.size) }
      case 'variable':
        return this.variable(type, length, validity)
      case 'list':
        return this.lists(field, type, length)
      case 'fixed list':
        return { children: field.children.map(child => this.column(child, length * type.size)) }
      case 'struct':
        return { children: field.children.map(child => this.column(child, length)) }
      case 'union':
        return this.union(field, type, length)
    }
  }

  private indices(id: bigint, type: ArrowType, length: number, validity: Uint8Array | undefined): Contents {
    const data = this.buffer(length * type.size)
    const dictionary = this.dictionaries.get(id)
    if (dictionary === undefined) throw malformed('a column whose dictionary did not come before it')
    checkIndices(integers(type, data, length), validity, dictionary.length)
    return { data, dictionary }
  }

  private variable(type: ArrowType, length: number, validity: Uint8Array | undefined): Contents {
    const offsets = this.offsets(type, length)
    const data = this.buffer(0)
    checkOffsets(offsets, data.length)
    if (isText(type) && !areUtf8(data, offsets, index => isValid(validity, index))) {
      throw malformed('a string that is not UTF-8')
    }
    return { offsets, data }
  }

  private lists(field: Field, type: ArrowType, length: number): Contents {
    const offsets = this.offsets(type, length)
    const children = field.children.map(child => this.column(child, 0))
    for (const child of children) checkOffsets(offsets, child.length)
    return { offsets, children }
  }

  private union(field: Field, type: ArrowType, length: number): Contents {
    const data = this.buffer(length).subarray(0, length)
    const offsets = type.isDense ? this.places(false, length) : undefined
    const children = field.children.map(child => this.column(child, type.isDense ? 0 : length))
    const lengths = children.map(child => child.length)
    checkUnion(data, childrenByType(field), offsets, lengths)
    return { data, offsets: offsets ?? nothing.offsets, children }
  }

  /** Where each of so many values begins, and where the last ends. */
  private offsets({ isLarge }: ArrowType, length: number): ArrayLike<number> {
    return this.places(isLarge, length === 0 ? 0 : length + 1)
  }

  private places(isLarge: boolean, count: number): ArrayLike<number> {
    return places(isLarge, this.buffer((isLarge ? 8 : 4) * count), count)
  }

  /** The next buffer, which has at least so many bytes. */
  private buffer(least: number): Buffer {
    const region = this.regions[this.region++]
    if (region === undefined) throw malformed('a batch of fewer buffers than its columns have')
    const [offset, size] = region
    if (size < least) throw malformed(`a buffer of ${size} bytes where ${least} are needed`)
    if (size === 0) return nothing.data
    this.taken += size
    if (offset + size > this.body.length) throw malformed('a buffer beyond the bytes of its batch')
    // What is checked would else be far more than what has come.
    if (this.taken > this.body.length) throw malformed('buffers that overlap')
    if (offset % 8 !== 0) throw malformed('a buffer that is not aligned')
    return this.body.subarray(offset, offset + size)
  }
}

/** For each number that a union may have of a type, the place of its child; -1 where there is none. */
export function childrenByType({ type, children }: Field): Int32Array {
  const byType = new Int32Array(256).fill(-1)
  children.forEach((_, place) => {
    byType[(type.typeIds[place] ?? place) & 0xff] = place
  })
  return byType
}
