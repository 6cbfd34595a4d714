import { IpcError } from '../errors'
import { printed } from '../printed'

/** More dimensions than these no NumPy has. */
export const maxDimensions = 64

/** How many elements an array of that shape has. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1
  for (const dimension of shape) size *= dimension
  return size
}

/** How far it is from one element to the next along each axis, in elements, where they lie one behind the other. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= Math.max(shape[axis] as number, 1)
  }
  return strides
}

/** Whether they do; strides of axes that nobody walks along do not count. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dimension = shape[axis] as number
    if (dimension === 0) return true
    if (dimension !== 1 && strides[axis] !== expected) return false
    expected *= dimension
  }
  return true
}

/** A copy of what is the shape of an array of elements of `itemSize` bytes. Throws IpcError 'invalid_argument' for anything else. */
export function checkShape(shape: unknown, itemSize: number): number[] {
  if (!Array.isArray(shape) || shape.length > maxDimensions) {
    throw new IpcError('invalid_argument', `a shape is an array of at most ${maxDimensions} integers`)
  }
  const dimensions = Array.from(shape as unknown[], dimension => {
    if (Number.isSafeInteger(dimension) && (dimension as number) >= 0) return dimension as number
    throw new IpcError(
      'invalid_argument',
      `a shape is an array of integers from 0 on, and one is ${printed(dimension)}`,
    )
  })
  if (!isPossible(dimensions, itemSize))
    throw new IpcError('invalid_argument', `a shape of too many elements: [${dimensions}]`)
  return dimensions
}

/** Whether numbers can count the bytes of such an array, leaving out dimensions of 0. */
export function isPossible(shape: readonly number[], itemSize: number): boolean {
  let bytes = itemSize
  for (const dimension of shape) bytes *= Math.max(dimension, 1)
  return bytes <= Number.MAX_SAFE_INTEGER
}

/** Throws IpcError 'invalid_argument' where an element of the array would not be among `count`. */
export function checkBounds(shape: readonly number[], strides: readonly number[], offset: number, count: number): void {
  if (sizeOf(shape) === 0) return
  let [first, last] = [offset, offset]
  for (const [axis, dimension] of shape.entries()) {
    const reach = (dimension - 1) * (strides[axis] as number)
    if (reach < 0) first += reach
    else last += reach
  }
  if (first >= 0 && last < count) return
  throw new IpcError('invalid_argument', `an array of the shape [${shape}] does not fit into data of ${count} elements`)
}

/** A copy of what are the strides of an array with so many dimensions. Throws IpcError 'invalid_argument' for anything else. */
export function checkStrides(strides: unknown, dimensions: number): number[] {
  if (!Array.isArray(strides) || strides.length !== dimensions || !strides.every(Number.isSafeInteger)) {
    throw new IpcError('invalid_argument', `strides are an array of ${dimensions} integers, one for each dimension`)
  }
  return [...(strides as number[])]
}
