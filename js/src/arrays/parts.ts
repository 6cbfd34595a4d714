import { brand, isMarked } from '../brand'
import type { ArrayData, DType, ElementType } from './dtype'
import type { Layout } from './slices'

/** Of an array: they fit together. */
export class Parts {
  constructor(
    readonly data: ArrayData,
    readonly type: ElementType,
    readonly layout: Layout,
  ) {}
}

/** What an NDArray of whatever copy of this library shows. */
export interface Shown {
  readonly data: ArrayData
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset: number
  readonly dtype: DType
  toArray(): unknown
}

export const arrayMark = brand('NDArray')

export function isNDArray(value: unknown): value is Shown {
  return isMarked(value, arrayMark)
}
