import type { FlatTable } from './flatbuffers'
import { malformed } from './malformed'

/** The types of Arrow, by the numbers that a schema has for them. */
export const TypeId = {
  null: 1,
  int: 2,
  float: 3,
  binary: 4,
  utf8: 5,
  bool: 6,
  decimal: 7,
  date: 8,
  time: 9,
  timestamp: 10,
  interval: 11,
  list: 12,
  struct: 13,
  union: 14,
  fixedSizeBinary: 15,
  fixedSizeList: 16,
  map: 17,
  duration: 18,
  largeBinary: 19,
  largeUtf8: 20,
  largeList: 21,
} as const

/** How the values of a type lie in buffers. */
export type Layout = 'none' | 'bits' | 'fixed' | 'variable' | 'list' | 'fixed list' | 'struct' | 'union'

export interface ArrowType {
  readonly id: number
  readonly layout: Layout
  /** As pyarrow writes it, but for its children: 'int64', 'timestamp[us, tz=UTC]'. */
  readonly name: string
  /** Of a value of fixed size, in bytes; of a list of fixed size, in values. */
  readonly size: number
  /** Whether offsets and sizes have 64 bits. */
  readonly isLarge: boolean
  readonly isSigned: boolean
  /** Of times, dates and intervals. */
  readonly unit: number
  /** Of decimals. */
  readonly scale: number
  /** Of unions: the number for each child. */
  readonly typeIds: readonly number[]
  readonly isDense: boolean
  /** How many children it has; undefined where any number. */
  readonly children: number | undefined
}

const plain = { size: 0, isLarge: false, isSigned: false, unit: 0, scale: 0, typeIds: [], isDense: false, children: 0 }
const units = ['s', 'ms', 'us', 'ns']
const unsized: Readonly<Record<number, Partial<ArrowType> & Pick<ArrowType, 'layout' | 'name'>>> = {
  [TypeId.null]: { layout: 'none', name: 'null' },
  [TypeId.binary]: { layout: 'variable', name: 'binary' },
  [TypeId.utf8]: { layout: 'variable', name: 'string' },
  [TypeId.bool]: { layout: 'bits', name: 'bool' },
  [TypeId.list]: { layout: 'list', name: 'list', children: 1 },
  [TypeId.struct]: { layout: 'struct', name: 'struct', children: undefined },
  [TypeId.map]: { layout: 'list', name: 'map', children: 1 },
  [TypeId.largeBinary]: { layout: 'variable', name: 'large_binary', isLarge: true },
  [TypeId.largeUtf8]: { layout: 'variable', name: 'large_string', isLarge: true },
  [TypeId.largeList]: { layout: 'list', name: 'large_list', isLarge: true, children: 1 },
}

/** The type of this number, whose parameters are in `table`. */
export function arrowType(id: number, table: FlatTable): ArrowType {
  const known = unsized[id]
  if (known !== undefined) return { ...plain, id, ...known }
  return { ...plain, id, ...parametrized(id, table) }
}

/** Of the indices of a dictionary, unless they say so themselves. */
export const int32: ArrowType = { ...plain, id: TypeId.int, layout: 'fixed', size: 4, isSigned: true, name: 'int32' }

export function intType(table: FlatTable): ArrowType {
  return arrowType(TypeId.int, table)
}

function parametrized(id: number, table: FlatTable): Partial<ArrowType> & Pick<ArrowType, 'layout' | 'name'> {
  switch (id) {
    case TypeId.int: {
      const bits = expect(table.int(0), [8, 16, 32, 64])
      const isSigned = table.bool(1)
      return { ...fixed(bits / 8), isSigned, name: `${isSigned ? '' : 'u'}int${bits}` }
    }
    case TypeId.float: {
      const precision = expect(table.short(0), [0, 1, 2])
      return { ...fixed(2 << precision), name: ['halffloat', 'float', 'double'][precision] as string }
    }
    case TypeId.decimal: {
      const bits = expect(table.int(2, 128), [32, 64, 128, 256])
      const scale = table.int(1)
      if (Math.abs(scale) > maxScale) throw malformed('a decimal of more digits than there can be')
      return { ...fixed(bits / 8), scale, name: `decimal${bits}(${table.int(0)}, ${scale})` }
    }
    case TypeId.date: {
      const unit = expect(table.short(0, 1), [0, 1])
      return { ...fixed(unit === 0 ? 4 : 8), unit, name: unit === 0 ? 'date32[day]' : 'date64[ms]' }
    }
    case TypeId.time: {
      const unit = expect(table.short(0, 1), [0, 1, 2, 3])
      const bits = expect(table.int(1, 32), [unit < 2 ? 32 : 64])
      return { ...fixed(bits / 8), unit, name: `time${bits}[${units[unit]}]` }
    }
    case TypeId.timestamp: {
      const unit = expect(table.short(0), [0, 1, 2, 3])
      const zone = table.string(1)
      return { ...fixed(8), unit, name: `timestamp[${units[unit]}${zone === '' ? '' : `, tz=${zone}`}]` }
    }
    case TypeId.interval: {
      const unit = expect(table.short(0), [0, 1, 2])
      const name = ['month_interval', 'day_time_interval', 'month_day_nano_interval'][unit] as string
      return { ...fixed(4 << unit), unit, name }
    }
    case TypeId.duration: {
      const unit = expect(table.short(0, 1), [0, 1, 2, 3])
      return { ...fixed(8), unit, name: `duration[${units[unit]}]` }
    }
    case TypeId.fixedSizeBinary: {
      const size = expectCount(table.int(0))
      return { ...fixed(size), name: `fixed_size_binary[${size}]` }
    }
    case TypeId.fixedSizeList:
      return { layout: 'fixed list', size: expectCount(table.int(0)), name: 'fixed_size_list', children: 1 }
    case TypeId.union: {
      const isDense = expect(table.short(0), [0, 1]) === 1
      const name = isDense ? 'dense_union' : 'sparse_union'
      return { layout: 'union', isDense, typeIds: table.ints(1), name, children: undefined }
    }
    default:
      throw malformed(`the unknown type ${id}`)
  }
}

export function isText({ id }: ArrowType): boolean {
  return id === TypeId.utf8 || id === TypeId.largeUtf8
}

/** Of lists, structures and unions. */
export function isNested({ layout }: ArrowType): boolean {
  return layout === 'list' || layout === 'fixed list' || layout === 'struct' || layout === 'union'
}

/** Of all digits that a decimal of 256 bits has, several times as many. */
const maxScale = 1024

function fixed(size: number): Pick<ArrowType, 'layout' | 'size'> {
  return { layout: 'fixed', size }
}

function expect(value: number, allowed: readonly number[]): number {
  if (!allowed.includes(value)) throw malformed(`a type with the unknown parameter ${value}`)
  return value
}

function expectCount(count: number): number {
  if (count < 0) throw malformed('a size below 0')
  return count
}
