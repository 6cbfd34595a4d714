import { IpcError } from '../errors'
import { printed } from '../printed'
import type { ArrayDataClass, ElementType } from './dtype'
import { halfOfNumber, numberOfHalf } from './half'

/** A complex number, as an element. */
export interface Complex {
  re: number
  im: number
}

/** The runtime's Float16Array, if it has one. */
export const float16Class = (globalThis as { Float16Array?: ArrayDataClass }).Float16Array

type Load = (view: DataView, at: number) => unknown
type Save = (view: DataView, at: number, value: unknown) => void

function fixed(
  dtype: string,
  wire: string,
  store: unknown,
  [size, width, isPlain]: [size: number, width: number, isPlain: boolean],
  load: Load,
  save: Save,
): ElementType {
  return { dtype, wire, size, store: store as ArrayDataClass, width, isPlain, load, save }
}

function number(dtype: string, value: unknown): number {
  if (typeof value === 'number') return value
  throw new IpcError('invalid_argument', `an element of a ${dtype} array is a number, not ${printed(value)}`)
}

/** A BigInt, or an integer. */
function bigint(dtype: string, value: unknown): bigint {
  if (typeof value === 'bigint') return value
  if (Number.isInteger(value)) return BigInt(value as number)
  throw new IpcError('invalid_argument', `an element of a ${dtype} array is a BigInt, not ${printed(value)}`)
}

function complex(dtype: string, value: unknown): Complex {
  if (typeof value === 'number') return { re: value, im: 0 }
  const { re, im } = (value ?? {}) as Partial<Complex>
  if (typeof re === 'number' && typeof im === 'number') return { re, im }
  throw new IpcError('invalid_argument', `an element of a ${dtype} array is { re, im }, not ${printed(value)}`)
}

const types: readonly ElementType[] = [
  fixed('bool', '|b1', Uint8Array, [1, 1, false], (view, at) => view.getUint8(at) !== 0, saveBoolean),
  fixed(
    'int8',
    '|i1',
    Int8Array,
    [1, 1, true],
    (view, at) => view.getInt8(at),
    (view, at, value) => view.setInt8(at, number('int8', value)),
  ),
  fixed(
    'int16',
    '<i2',
    Int16Array,
    [2, 1, true],
    (view, at) => view.getInt16(at, true),
    (view, at, value) => view.setInt16(at, number('int16', value), true),
  ),
  fixed(
    'int32',
    '<i4',
    Int32Array,
    [4, 1, true],
    (view, at) => view.getInt32(at, true),
    (view, at, value) => view.setInt32(at, number('int32', value), true),
  ),
  fixed(
    'int64',
    '<i8',
    BigInt64Array,
    [8, 1, true],
    (view, at) => view.getBigInt64(at, true),
    (view, at, value) => view.setBigInt64(at, bigint('int64', value), true),
  ),
  fixed(
    'uint8',
    '|u1',
    Uint8Array,
    [1, 1, true],
    (view, at) => view.getUint8(at),
    (view, at, value) => view.setUint8(at, number('uint8', value)),
  ),
  fixed(
    'uint16',
    '<u2',
    Uint16Array,
    [2, 1, true],
    (view, at) => view.getUint16(at, true),
    (view, at, value) => view.setUint16(at, number('uint16', value), true),
  ),
  fixed(
    'uint32',
    '<u4',
    Uint32Array,
    [4, 1, true],
    (view, at) => view.getUint32(at, true),
    (view, at, value) => view.setUint32(at, number('uint32', value), true),
  ),
  fixed(
    'uint64',
    '<u8',
    BigUint64Array,
    [8, 1, true],
    (view, at) => view.getBigUint64(at, true),
    (view, at, value) => view.setBigUint64(at, bigint('uint64', value), true),
  ),
  fixed(
    'float16',
    '<f2',
    float16Class ?? Uint16Array,
    [2, 1, float16Class !== undefined],
    (view, at) => numberOfHalf(view.getUint16(at, true)),
    (view, at, value) => view.setUint16(at, halfOfNumber(number('float16', value)), true),
  ),
  fixed(
    'float32',
    '<f4',
    Float32Array,
    [4, 1, true],
    (view, at) => view.getFloat32(at, true),
    (view, at, value) => view.setFloat32(at, number('float32', value), true),
  ),
  fixed(
    'float64',
    '<f8',
    Float64Array,
    [8, 1, true],
    (view, at) => view.getFloat64(at, true),
    (view, at, value) => view.setFloat64(at, number('float64', value), true),
  ),
  fixed(
    'complex64',
    '<c8',
    Float32Array,
    [8, 2, false],
    (view, at) => ({ re: view.getFloat32(at, true), im: view.getFloat32(at + 4, true) }),
    (view, at, value) => {
      const { re, im } = complex('complex64', value)
      view.setFloat32(at, re, true)
      view.setFloat32(at + 4, im, true)
    },
  ),
  fixed(
    'complex128',
    '<c16',
    Float64Array,
    [16, 2, false],
    (view, at) => ({ re: view.getFloat64(at, true), im: view.getFloat64(at + 8, true) }),
    (view, at, value) => {
      const { re, im } = complex('complex128', value)
      view.setFloat64(at, re, true)
      view.setFloat64(at + 8, im, true)
    },
  ),
]

function saveBoolean(view: DataView, at: number, value: unknown): void {
  if (typeof value !== 'boolean') {
    throw new IpcError('invalid_argument', `an element of a bool array is true or false, not ${printed(value)}`)
  }
  view.setUint8(at, value ? 1 : 0)
}

/** The dtypes of a fixed size, by their names and by their names on the wire. */
export const fixedTypes: ReadonlyMap<string, ElementType> = new Map(
  types.flatMap(type => [
    [type.dtype as string, type],
    [type.wire as string, type],
  ]),
)
