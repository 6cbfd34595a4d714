/** Arrays of numbers and the like: docs/arrays.md. */
export type { DType, Elements, Field, Float16Elements } from './dtype'
export { type Element, NDArray, type NDArrayOptions } from './ndarray'
export type { Nested } from './nested'
export type { Complex } from './numbers'
export type { Slice } from './slices'
