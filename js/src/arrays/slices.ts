import { IpcError } from '../errors'
import { printed } from '../printed'

/**
 * What is taken of an axis: all of it (undefined or null), one place, which drops the axis, or [start, stop, step], of which each
 * may be left out. Places below 0 count from the end.
 */
export type ArraySlice =
  | number
  | null
  | undefined
  | readonly [start?: number | null, stop?: number | null, step?: number | null]

export interface Layout {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset: number
}

/** Where such a part of an array is. Throws IpcError 'out_of_range' for a place that is not there, 'invalid_argument' for no slice. */
export function sliced({ shape, strides, offset }: Layout, slices: readonly ArraySlice[]): Layout {
  if (slices.length > shape.length) {
    throw new IpcError(
      'invalid_argument',
      `slice() with ${slices.length} parts, of an array of ${shape.length} dimensions`,
    )
  }
  const part = { shape: [] as number[], strides: [] as number[], offset }
  for (const [axis, length] of shape.entries()) {
    const slice = slices[axis]
    const stride = strides[axis] as number
    if (typeof slice === 'number') {
      part.offset += place(slice, length, axis) * stride
      continue
    }
    const { start, count, step } = range(slice, length)
    if (count > 0) part.offset += start * stride
    part.shape.push(count)
    part.strides.push(step * stride)
  }
  return part
}

/** An index along an axis, from 0 on. */
export function place(index: unknown, length: number, axis: number): number {
  if (!Number.isSafeInteger(index))
    throw new IpcError('invalid_argument', `an index is an integer, not ${printed(index)}`)
  const found = (index as number) < 0 ? (index as number) + length : (index as number)
  if (found >= 0 && found < length) return found
  throw new IpcError('out_of_range', `the index ${index} along axis ${axis}, which has ${length}`)
}

function range(slice: Exclude<ArraySlice, number>, length: number): { start: number; count: number; step: number } {
  const parts: unknown = slice ?? []
  if (!Array.isArray(parts) || parts.length > 3 || !parts.every(isPart)) {
    throw new IpcError('invalid_argument', `a slice is an integer, null or [start, stop, step], not ${printed(slice)}`)
  }
  const [first, last, given] = parts as (number | null | undefined)[]
  const step = given ?? 1
  if (step === 0) throw new IpcError('invalid_argument', 'a slice with a step of 0')
  const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1]
  const within = (at: number) => Math.min(Math.max(at < 0 ? at + length : at, lowest), highest)
  const start = first == null ? (step > 0 ? lowest : highest) : within(first)
  const stop = last == null ? (step > 0 ? highest : lowest) : within(last)
  return { start, count: Math.max(0, Math.ceil((stop - start) / step)), step }
}

function isPart(part: unknown): boolean {
  return part === null || part === undefined || Number.isSafeInteger(part)
}
