import { inspect } from 'node:util'
import { markInstances } from '../brand'
import { IpcError } from '../errors'
import { contentsOf } from './copies'
import type { ArrayData, DType } from './dtype'
import { asJson, nestedOf, readerOf } from './lists'
import { arrayFrom, type NestedArray } from './nested'
import type { Complex } from './numbers'
import { arrayMark, Parts, type Shown } from './parts'
import { checkBounds, checkShape, checkStrides, isContiguous, sizeOf, stridesOf } from './shapes'
import { shown } from './shown'
import { type ArraySlice, type Layout, place, sliced } from './slices'
import { isElements, isThere, typeOfElements } from './typed'
import { elementType } from './types'

/** What an element is in JavaScript, by its dtype: docs/arrays.md. */
export type ArrayElement = number | bigint | boolean | string | Date | Buffer | Complex | Record<string, unknown> | null

export interface NDArrayOptions {
  /** What the elements are; without it what the typed array says. */
  dtype?: DType
  /** How far it is from one element to the next along each axis, in elements; without it they lie one behind the other, the last axis first. */
  strides?: readonly number[]
  /** The place of the first element, in elements. */
  offset?: number
}

/**
 * An array of any number of dimensions, as numpy.ndarray: what arrives from Python, but for arrays of one dimension that a typed
 * array says all of, and what is sent there. docs/arrays.md has the dtypes.
 *
 * It owns no memory: `data` is a typed array, which slices and transposed arrays share, and to which a program may write.
 */
export class NDArray<T = ArrayElement> {
  // Declared alone, because fields and private ones cost more than all the rest of a small array, and equality of the properties is that of
  // the arrays to assert.deepEqual() and its like.

  /** The typed array that the elements are in. */
  declare readonly data: ArrayData
  /** How many elements there are along each axis. */
  declare readonly shape: readonly number[]
  /** How far it is from one element to the next along each axis, in elements (NumPy counts bytes). */
  declare readonly strides: readonly number[]
  /** The place of the first element, in elements. */
  declare readonly offset: number
  declare readonly dtype: DType

  /**
   * An array in the memory of a typed array, which is not copied; `shape` is [data.length] unless it is given.
   *
   * Of 'complex64' and 'complex128' the typed array has two numbers for an element, of text, bytes and structures it is a
   * Uint8Array with as many as one takes, of 'bool' a Uint8Array, of 'datetime64' and 'timedelta64' a BigInt64Array, of 'float16' a
   * Float16Array, or in runtimes without it a Uint16Array of its bits.
   *
   * Throws IpcError 'invalid_argument' where data, shape, dtype, strides and offset do not fit together.
   */
  constructor(data: ArrayData, shape?: readonly number[], options?: NDArrayOptions)
  constructor(given: ArrayData | Parts, shape?: readonly number[], options: NDArrayOptions = {}) {
    const { data, type, layout } = given instanceof Parts ? given : check(given, shape, options)
    this.data = data
    this.shape = layout.shape
    this.strides = layout.strides
    this.offset = layout.offset
    this.dtype = type.dtype
  }

  /**
   * A new array of nested arrays, or of a typed array's numbers. Without a dtype numbers make 'float64', BigInts 'int64', booleans
   * 'bool', strings '<U…' of the longest, Dates 'datetime64[ms]', { re, im } 'complex128'.
   *
   * Throws IpcError 'invalid_argument' for arrays of different lengths within one another, and for elements that the dtype has not.
   */
  static from<T = ArrayElement>(values: NestedArray, dtype?: DType): NDArray<T> {
    return made(arrayFrom(values, dtype))
  }

  /** How many dimensions there are. */
  get ndim(): number {
    return this.shape.length
  }

  /** How many elements there are. */
  get size(): number {
    return sizeOf(this.shape)
  }

  /**
   * The element at these indices, one for each axis; those below 0 count from the end.
   *
   * Throws IpcError 'out_of_range' where there is none, or a moment that no Date can hold, 'invalid_argument' for another number of
   * indices, 'failed_precondition' where the memory is gone: transferred, for instance.
   */
  at(...indices: readonly number[]): T {
    const { shape, strides } = this
    if (indices.length !== shape.length) {
      throw new IpcError(
        'invalid_argument',
        `at() takes an index for each of ${shape.length} axes, not ${indices.length}`,
      )
    }
    let { offset } = this
    for (let axis = 0; axis < shape.length; axis++) {
      offset += place(indices[axis], shape[axis] as number, axis) * (strides[axis] as number)
    }
    return readerOf(trusted(this))(offset) as T
  }

  /**
   * A part of the array, in the same memory: for each axis all of it (null), one place, which drops the axis, or
   * [start, stop, step]; axes that are left out are taken whole. `a.slice(0, [null, null, -1])` is NumPy's `a[0, ::-1]`.
   *
   * Throws IpcError 'out_of_range' for a place that is not there, 'invalid_argument' for what is no slice.
   */
  slice(...slices: readonly ArraySlice[]): NDArray<T> {
    return withLayout(this, sliced(this, slices))
  }

  /**
   * The same elements in another shape, of which one dimension may be -1; in the same memory where they lie one behind the other, else
   * in a copy. Takes an array, or the dimensions.
   *
   * Throws IpcError 'invalid_argument' for a shape of another number of elements.
   */
  reshape(...shape: readonly number[] | readonly [readonly number[]]): NDArray<T> {
    const given: readonly number[] = Array.isArray(shape[0]) ? shape[0] : (shape as readonly number[])
    const { size } = this
    const others = given.reduce((product, dimension) => (dimension === -1 ? product : product * dimension), 1)
    const whole = given.map(dimension => (dimension === -1 && others > 0 ? size / others : dimension))
    const dimensions = checkShape(whole, elementType(this.dtype).size)
    if (sizeOf(dimensions) !== size) {
      throw new IpcError('invalid_argument', `${size} elements cannot have the shape [${given}]`)
    }
    if (!isContiguous(this.shape, this.strides)) return this.copy().reshape(dimensions)
    return withLayout(this, { shape: dimensions, strides: stridesOf(dimensions), offset: this.offset })
  }

  /**
   * The same elements with the axes in another order, in the same memory: the last first, or as `axes` says.
   *
   * Throws IpcError 'invalid_argument' where `axes` is not each axis once.
   */
  transpose(axes?: readonly number[]): NDArray<T> {
    const { shape, strides, offset } = this
    const order = axes ?? shape.map((_, axis) => shape.length - 1 - axis)
    const isOrder = order.length === shape.length && shape.every((_, axis) => order.includes(axis))
    if (!isOrder) throw new IpcError('invalid_argument', `transpose() takes each of ${shape.length} axes once`)
    const pick = (values: readonly number[]) => order.map(axis => values[axis] as number)
    return withLayout(this, { shape: pick(shape), strides: pick(strides), offset })
  }

  /** A copy with memory of its own, in which the elements lie one behind the other, the last axis first. */
  copy(): NDArray<T> {
    const parts = trusted(this)
    const { type } = parts
    const shape = [...this.shape]
    const contents = contentsOf(parts)
    const bytes = isContiguous(shape, this.strides) ? contents.slice() : contents
    const data = new type.store(bytes.buffer, bytes.byteOffset, this.size * type.width)
    return made(new Parts(data, type, { shape, strides: stridesOf(shape), offset: 0 }))
  }

  /** The elements in arrays within arrays, as many as there are axes; without axes the element. */
  toArray(): unknown {
    return nestedOf(trusted(this))
  }

  /** As toArray(), with what JSON has: BigInts as numbers where these are safe integers, else as strings, bytes as text. */
  toJSON(): unknown {
    return asJson(this.toArray())
  }

  /** Along the first axis: the elements, or, of several axes, arrays in the same memory. */
  *[Symbol.iterator](): IterableIterator<T | NDArray<T>> {
    const [count] = this.shape
    if (count === undefined) throw new IpcError('invalid_argument', 'an array without axes has one element: at()')
    for (let index = 0; index < count; index++) yield this.ndim === 1 ? this.at(index) : this.slice(index)
  }

  get [Symbol.toStringTag](): string {
    return 'NDArray'
  }

  [inspect.custom](): string {
    return shown(this)
  }
}
markInstances(NDArray, arrayMark)

/** The parts of an array of whatever copy of this library. Throws IpcError 'invalid_argument' where they do not fit together. */
export function partsOfAny({ data, shape, dtype, strides, offset }: Shown): Parts {
  return check(data, shape, { dtype, strides, offset })
}

/** The parts of an array, if nothing has been made of its properties. */
function trusted({ data, dtype, shape, strides, offset }: Shown): Parts {
  return new Parts(data, elementType(dtype), { shape, strides, offset })
}

function withLayout<T>({ data, dtype }: NDArray<T>, layout: Layout): NDArray<T> {
  return made(new Parts(data, elementType(dtype), layout))
}

/** An array of parts that fit together. */
export function made<T>(parts: Parts): NDArray<T> {
  return new (NDArray as unknown as new (parts: Parts) => NDArray<T>)(parts)
}

function check(data: unknown, shape: unknown, { dtype, strides, offset = 0 }: NDArrayOptions): Parts {
  if (!isElements(data)) throw new IpcError('invalid_argument', 'new NDArray() takes a typed array first')
  if (data.length === 0 && !isThere(data)) {
    throw new IpcError('invalid_argument', 'new NDArray() of a typed array whose ArrayBuffer was transferred')
  }
  const own = typeOfElements(data)
  const type = dtype === undefined ? own : elementType(dtype)
  if (type === undefined)
    throw new IpcError('invalid_argument', 'new NDArray() of a typed array of an unknown kind needs a dtype')
  const areBits = type.dtype === 'float16' && own?.dtype === 'uint16'
  if (own?.store !== type.store && !areBits) {
    throw new IpcError('invalid_argument', `the data of a ${String(type.dtype)} array are a ${type.store.name}`)
  }
  const count = Math.floor(data.length / type.width)
  const dimensions = checkShape(shape ?? [count], type.size)
  const steps = strides === undefined ? stridesOf(dimensions) : checkStrides(strides, dimensions.length)
  if (!Number.isSafeInteger(offset)) throw new IpcError('invalid_argument', 'the offset of an array is an integer')
  checkBounds(dimensions, steps, offset, count)
  const elements = areBits ? new type.store(data.buffer, data.byteOffset, data.length) : data
  return new Parts(elements, type, { shape: dimensions, strides: steps, offset })
}
