import { isThere } from '../arrays/typed'
import type { ApacheArrow } from './apache_arrow'
import { maxNesting } from './flatbuffers'
import type { ArrowBatch, ArrowData, ArrowField, ArrowSchema, ArrowType, ArrowVector } from './shape'

/** Why a table does not travel. */
export class Unsendable extends Error {}

/** The class of apache-arrow for each type, from 1 on. */
const classes = [
  ...'Null Int Float Binary Utf8 Bool Decimal Date_ Time Timestamp Interval List Struct Union'.split(' '),
  ...'FixedSizeBinary FixedSizeList Map_ Duration LargeBinary LargeUtf8 LargeList'.split(' '),
]
const dictionary = -1

/**
 * Makes schemas and batches of one copy of apache-arrow of those of any: it writes garbage for the types of another, such as those of its
 * ES modules. The memory of the values is shared.
 */
export class OwnCopy {
  /** Which dictionaries are the same, the writer tells by the data. */
  private readonly known = new Map<ArrowData, ArrowData>()

  constructor(private readonly arrow: ApacheArrow) {}

  schema({ fields, metadata }: ArrowSchema): ArrowSchema {
    return new this.arrow.Schema(
      fields.map(field => this.field(field, 0)),
      metadata,
    )
  }

  batch(schema: ArrowSchema, { data }: ArrowBatch): ArrowBatch {
    const children = data.children.map(child => this.data(child))
    const struct = new this.arrow.Struct(schema.fields)
    return new this.arrow.RecordBatch(schema, new this.arrow.Data(struct, 0, data.length, 0, [], children, undefined))
  }

  private field({ name, type, nullable, metadata }: ArrowField, depth: number): ArrowField {
    if (depth >= maxNesting) throw new Unsendable(`columns nested more than ${maxNesting} levels deep`)
    return new this.arrow.Field(name, this.type(type, depth), nullable, metadata)
  }

  private type(type: ArrowType, depth: number): ArrowType {
    const { typeId, children, dictionary: values, indices } = type
    const name = typeId === dictionary ? 'Dictionary' : classes[typeId - 1]
    // Dictionaries of nested values would let a few bytes stand for many.
    if (name === undefined || (values?.children?.length ?? 0) > 0) {
      throw new Unsendable(`a column of ${type}: send it with Utf8, Binary or List instead`)
    }
    const { prototype } = (this.arrow as unknown as Record<string, { prototype: object }>)[name] as {
      prototype: object
    }
    const own: Record<string, unknown> = Object.assign(Object.create(prototype), type)
    if (Array.isArray(children)) own.children = children.map(child => this.field(child, depth + 1))
    if (values !== undefined) own.dictionary = this.type(values, depth)
    if (indices !== undefined) own.indices = this.type(indices, depth)
    return own as unknown as ArrowType
  }

  private data(data: ArrowData): ArrowData {
    const known = this.known.get(data)
    if (known !== undefined) return known
    const buffers = [data.valueOffsets, data.values, data.nullBitmap, data.typeIds]
    // What is not there the writer may take for zeros.
    if (buffers.some(view => ArrayBuffer.isView(view) && !isThere(view))) {
      throw new Unsendable('memory that was released or transferred: send it before, or a copy')
    }
    const own = new this.arrow.Data(
      this.type(data.type, 0),
      data.offset,
      data.length,
      data.nullCount,
      buffers,
      data.children.map(child => this.data(child)),
      data.dictionary === undefined ? undefined : this.vector(data.dictionary),
    )
    this.known.set(data, own)
    return own
  }

  private vector({ data }: ArrowVector): ArrowVector {
    return new this.arrow.Vector(data.map(chunk => this.data(chunk)))
  }
}
