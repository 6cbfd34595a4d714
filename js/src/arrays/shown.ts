import { inspect } from 'node:util'
import { type DType, shownDtype } from './dtype'
import type { NDArray } from './ndarray'

/** How many elements along an axis are shown, and how many in all. */
const mostAlong = 6
const mostElements = 100

/** A short text: NDArray(2, 3) float64 [[1, 2, 3], [4, 5, 6]]. */
export function shown(array: NDArray<unknown>): string {
  let left = mostElements
  const text = (part: NDArray<unknown>): string => {
    if (part.ndim === 0) {
      left--
      return inspect(part.at(), { breakLength: Number.POSITIVE_INFINITY, depth: 1 })
    }
    const count = part.shape[0] as number
    const texts: string[] = []
    for (let index = 0; index < count; index++) {
      if (index === mostAlong || left <= 0) {
        texts.push('…')
        break
      }
      texts.push(text(part.slice(index)))
    }
    return `[${texts.join(', ')}]`
  }
  return `NDArray(${array.shape.join(', ')}) ${shownDtype(array.dtype as DType)} ${text(array)}`
}
