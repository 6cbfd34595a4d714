import { types } from 'node:util'
import { type DType, NDArray } from './arrays'
import { isNDArray } from './arrays/parts'
import { checkShape, sizeOf } from './arrays/shapes'
import { elementType } from './arrays/types'
import { IpcError } from './errors'
import { printed } from './printed'
import { native } from './runtime'
import { retainMemory } from './streams/given'
import { memoryOf } from './tables/memory'
import { isArrowBatch, isArrowTable } from './tables/shape'

/**
 * Memory that is sent without a copy to whoever it is sent to first, and by one copy to others: so many bytes, or an array of
 * that shape. It is not filled: it shows what this program has sent before, or zeros. What is stored there while the
 * other side has it, that may see. It is free again when it is collected, or by `release()`, and the other side has let it
 * go.
 *
 * Throws IpcError 'invalid_argument' for what is no size, shape or dtype, 'resource_exhausted' where there is no memory.
 */
export function alloc(bytes: number): Buffer
export function alloc(shape: number | readonly number[], dtype: DType): NDArray
export function alloc(shape: number | readonly number[], dtype?: DType): Buffer | NDArray {
  if (dtype === undefined) {
    if (typeof shape !== 'number' || !Number.isSafeInteger(shape) || shape < 0) {
      throw new IpcError(
        'invalid_argument',
        `alloc() takes a number of bytes, or a shape and a dtype: ${printed(shape)}`,
      )
    }
    return Buffer.from(memory(shape))
  }
  const type = elementType(dtype)
  const dimensions = checkShape(typeof shape === 'number' ? [shape] : shape, type.size)
  const size = sizeOf(dimensions)
  return new NDArray(new type.store(memory(size * type.size), 0, size * type.width), dimensions, { dtype })
}

function memory(bytes: number): ArrayBuffer {
  const buffer = native().allocate(bytes)
  if (buffer === undefined) throw new IpcError('resource_exhausted', `no memory for ${bytes} bytes`)
  return buffer
}

/** Gives the memory of an array, of bytes or of a table back now, if it is the native side's. False when this is no such thing. */
export function releaseArray(value: unknown): boolean {
  const buffers = buffersOf(value)
  for (const buffer of buffers ?? []) native().releaseMemory(buffer)
  return buffers !== undefined
}

/** Keeps the memory of an array, of bytes or of a table beyond the item of a stream that it is in. False when this is no such thing. */
export function retainArray(value: unknown): boolean {
  const buffers = buffersOf(value)
  for (const buffer of buffers ?? []) retainMemory(buffer)
  return buffers !== undefined
}

function buffersOf(value: unknown): readonly ArrayBuffer[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (isArrowTable(value) || isArrowBatch(value)) return [...memoryOf(value)].filter(types.isArrayBuffer)
  const view = isNDArray(value) ? (value as NDArray<unknown>).data : value
  const buffer = ArrayBuffer.isView(view) ? view.buffer : view
  if (!types.isAnyArrayBuffer(buffer)) return undefined
  return types.isArrayBuffer(buffer) ? [buffer] : [] // memory of threads is never the native side's
}
