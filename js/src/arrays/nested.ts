import { types } from 'node:util'
import { IpcError } from '../errors'
import { printed } from '../printed'
import type { ArrayData, DType, ElementType } from './dtype'
import type { NDArray } from './ndarray'
import { isNDArray, Parts } from './parts'
import { maxDimensions, sizeOf, stridesOf } from './shapes'
import { isElements, typeOfElements } from './typed'
import { elementType } from './types'

/** Arrays within arrays, of elements; typed arrays and NDArrays are arrays of theirs. */
export type NestedArray = readonly unknown[] | ArrayData | NDArray<unknown>

/** A new array of these. Throws IpcError 'invalid_argument'. */
export function arrayFrom(values: unknown, dtype: DType | undefined): Parts {
  const plain = listOf(values)
  const shape: number[] = []
  for (let first = plain; Array.isArray(first) && shape.length < maxDimensions; first = listOf(first[0])) {
    shape.push(first.length)
    if (first.length === 0) break
  }
  const elements: unknown[] = []
  collect(plain, shape, 0, [], elements)
  const type = dtype === undefined ? (typeIn(values) ?? typeFor(elements)) : elementType(dtype)
  const buffer = new ArrayBuffer(elements.length * type.size)
  const view = new DataView(buffer)
  for (let index = 0; index < elements.length; index++) type.save(view, index * type.size, elements[index])
  const data = new type.store(buffer, 0, sizeOf(shape) * type.width)
  return new Parts(data, type, { shape, strides: stridesOf(shape), offset: 0 })
}

/** What is an array of any kind as one of the usual kind. */
function listOf(value: unknown): unknown {
  if (types.isUint8Array(value) && Buffer.isBuffer(value)) return value // an element: bytes
  if (isElements(value)) return Array.from(value as Iterable<unknown>)
  return isNDArray(value) ? value.toArray() : value
}

/** The type of what says so itself, at whatever depth. */
function typeIn(value: unknown): ElementType | undefined {
  if (isNDArray(value)) return elementType(value.dtype)
  if (isElements(value)) return Buffer.isBuffer(value) ? undefined : typeOfElements(value)
  return Array.isArray(value) && value.length > 0 ? typeIn(value[0]) : undefined
}

function collect(values: unknown, shape: readonly number[], axis: number, path: number[], elements: unknown[]): void {
  if (axis === shape.length) {
    if (Array.isArray(values)) throw new IpcError('invalid_argument', `an array at [${path}], and elements elsewhere`)
    elements.push(values)
    return
  }
  const list = listOf(values)
  if (!Array.isArray(list) || list.length !== shape[axis]) {
    const found = Array.isArray(list) ? `an array of ${list.length}` : printed(values)
    throw new IpcError('invalid_argument', `${found} at [${path}], and arrays of ${shape[axis]} elsewhere`)
  }
  for (const [index, value] of list.entries()) collect(value, shape, axis + 1, [...path, index], elements)
}

/** The type that all the elements have. */
function typeFor(elements: readonly unknown[]): ElementType {
  const known = elements.filter(element => element !== null && element !== undefined)
  const all = (is: (element: unknown) => boolean) => known.every(is)
  if (elements.length === known.length) {
    if (all(element => typeof element === 'number')) return elementType('float64')
    if (all(element => typeof element === 'boolean')) return elementType('bool')
    if (all(element => typeof element === 'bigint')) return elementType('int64')
    if (all(element => typeof element === 'string'))
      return elementType(`<U${longest(known as string[], text => Array.from(text).length)}`)
    if (all(Buffer.isBuffer)) return elementType(`|S${longest(known as Buffer[], bytes => bytes.length)}`)
    if (all(element => typeof (element as { re?: unknown }).re === 'number')) return elementType('complex128')
  }
  if (known.length > 0 && all(types.isDate)) return elementType('datetime64[ms]')
  throw new IpcError(
    'invalid_argument',
    'NDArray.from() needs a dtype for elements of different kinds, or of an unknown one',
  )
}

function longest<T>(values: readonly T[], length: (value: T) => number): number {
  return values.reduce((most, value) => Math.max(most, length(value)), 1)
}
