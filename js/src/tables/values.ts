import { numberOfHalf } from '../arrays/half'
import { IpcError } from '../errors'
import { objectFor, setOwn } from '../own_properties'
import { isValid } from './checks'
import { type Column, childrenByType, type Dictionary } from './columns'
import { decimalText } from './decimals'
import type { Field } from './schema'
import { dateOf } from './times'
import { integers, type TypedArray, type TypedClass, typedClass } from './typed'
import { type ArrowType, isText, TypeId } from './types'
import { type Weigh, weightOf } from './weight'

/** Gives the value at a place. */
type Read = (index: number) => unknown

/** An Array that is made longer has its elements in a hash table. */
const mostReserved = 1024

/** Reads the values of columns; those of a dictionary once. */
export class ValueReader {
  private readonly dictionaries = new Map<Dictionary, unknown[]>()

  constructor(private readonly weigh: Weigh) {}

  /** Those of all chunks of a column: a typed array where that has them all, else null for those that are not there. */
  column(field: Field, chunks: readonly Column[]): TypedArray | unknown[] {
    const kind = field.dictionary === undefined ? typedClass(field.type) : undefined
    if (kind === undefined || chunks.some(({ validity }) => validity !== undefined)) return this.values(chunks)
    const parts = chunks.filter(({ length }) => length > 0).map(chunk => view(chunk, kind))
    return parts.length === 1 ? (parts[0] as TypedArray) : joined(parts, kind)
  }

  private values(chunks: readonly Column[]): unknown[] {
    this.weigh(chunks.reduce((sum, chunk) => sum + weightOf(chunk), 0))
    const values: unknown[] = []
    for (const chunk of chunks) {
      const read = this.reader(chunk)
      for (let index = 0; index < chunk.length; index++) values.push(read(index))
    }
    return values
  }

  private reader(column: Column): Read {
    const { validity } = column
    const read =
      column.dictionary === undefined ? this.valueReader(column) : this.indexReader(column, column.dictionary)
    return validity === undefined ? read : index => (isValid(validity, index) ? read(index) : null)
  }

  private indexReader({ data, length, field }: Column, dictionary: Dictionary): Read {
    const indices = integers(field.dictionary?.indices as ArrowType, data, length)
    let values = this.dictionaries.get(dictionary)
    if (values === undefined) {
      values = this.values(dictionary.chunks)
      this.dictionaries.set(dictionary, values)
    }
    const known = values
    return index => known[Number(indices[index])]
  }

  private valueReader(column: Column): Read {
    switch (column.field.type.layout) {
      case 'none':
        return () => null
      case 'bits':
        return index => isValid(column.data, index)
      case 'fixed':
        return fixedReader(column)
      case 'variable':
        return variableReader(column)
      case 'list':
      case 'fixed list':
        return this.listReader(column)
      case 'struct':
        return this.structReader(column)
      case 'union':
        return this.unionReader(column)
    }
  }

  private listReader({ field, offsets, children }: Column): Read {
    const { layout, size, id } = field.type
    const [child] = children as [Column]
    const read = id === TypeId.map ? this.entryReader(child) : this.reader(child)
    return index => {
      const start = layout === 'list' ? (offsets[index] as number) : size * index
      const end = layout === 'list' ? (offsets[index + 1] as number) : start + size
      const values: unknown[] = new Array(Math.min(end - start, mostReserved)) // an empty one makes room for many at once
      for (let place = start; place < end; place++) values[place - start] = read(place)
      return values
    }
  }

  /** Of a map: [key, value]. */
  private entryReader({ children }: Column): Read {
    const [key, value] = children.map(child => this.reader(child)) as [Read, Read]
    return index => [key(index), value(index)]
  }

  private structReader({ field, children }: Column): Read {
    const readers = children.map(child => this.reader(child))
    const names = field.children.map(child => child.name)
    const known = new Set<string>()
    const again = names.find(name => known.size === known.add(name).size)
    if (again !== undefined) throw namedTwice(again)
    return index => {
      const object = objectFor(names)
      readers.forEach((read, place) => {
        setOwn(object, names[place] as string, read(index))
      })
      return object
    }
  }

  private unionReader({ field, data, offsets, children }: Column): Read {
    const readers = children.map(child => this.reader(child))
    const byType = childrenByType(field)
    const { isDense } = field.type
    return index => {
      const read = readers[byType[data[index] as number] as number] as Read
      return read(isDense ? (offsets[index] as number) : index)
    }
  }
}

export function namedTwice(name: string): IpcError {
  return new IpcError(
    'failed_precondition',
    `a table with two columns named ${JSON.stringify(name)} is no object of its columns: rename one, or npm install apache-arrow`,
  )
}

function view({ data, length }: Column, kind: TypedClass): TypedArray {
  return new kind(data.buffer, data.byteOffset, length)
}

function joined(parts: readonly TypedArray[], kind: TypedClass): TypedArray {
  const all = new kind(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part as never, at)
    at += part.length
  }
  return all
}

function variableReader({ field, data, offsets }: Column): Read {
  const read = isText(field.type) ? text : bytes
  return index => read(data, offsets[index] as number, offsets[index + 1] as number)
}

function text(data: Buffer, start: number, end: number): string {
  return data.toString('utf8', start, end)
}

function bytes(data: Buffer, start: number, end: number): Buffer {
  return data.subarray(start, end)
}

function fixedReader({ field, data, length }: Column): Read {
  const { type } = field
  const { id, size, unit, scale } = type
  switch (id) {
    case TypeId.int: {
      const numbers = integers(type, data, length)
      return index => numbers[index]
    }
    case TypeId.float:
      return floatReader(size, data)
    case TypeId.decimal:
      return index => decimalText(data, size * index, size, scale)
    case TypeId.date:
      return size === 4
        ? index => dateOf(BigInt(data.readInt32LE(4 * index)) * 86_400n, 0)
        : index => dateOf(data.readBigInt64LE(8 * index), 1)
    case TypeId.timestamp:
      return index => dateOf(data.readBigInt64LE(8 * index), unit)
    case TypeId.time:
    case TypeId.duration:
      return size === 4 ? index => BigInt(data.readInt32LE(4 * index)) : index => data.readBigInt64LE(8 * index)
    case TypeId.interval:
      return intervalReader(unit, data)
    default:
      return index => bytes(data, size * index, size * (index + 1))
  }
}

function floatReader(size: number, data: Buffer): Read {
  if (size === 2) return index => numberOfHalf(data.readUInt16LE(2 * index))
  return size === 4 ? index => data.readFloatLE(4 * index) : index => data.readDoubleLE(8 * index)
}

function intervalReader(unit: number, data: Buffer): Read {
  if (unit === 0) return index => data.readInt32LE(4 * index)
  if (unit === 1) {
    return index => ({ days: data.readInt32LE(8 * index), milliseconds: data.readInt32LE(8 * index + 4) })
  }
  return index => ({
    months: data.readInt32LE(16 * index),
    days: data.readInt32LE(16 * index + 4),
    nanoseconds: data.readBigInt64LE(16 * index + 8),
  })
}
