/** Arrays of numbers and the like: docs/arrays.md. */
export type { ArrayData, DType, DTypeField, Float16Data } from './dtype'
export { type ArrayElement, NDArray, type NDArrayOptions } from './ndarray'
export type { NestedArray } from './nested'
export type { Complex } from './numbers'
export type { ArraySlice } from './slices'
