/**
 * What the elements of an array are, by NumPy's names: 'float64', 'uint8', 'bool', 'complex128', 'datetime64[us]', '<U5' (text of
 * up to 5 characters), '|S5' and '|V5' (5 bytes); or the fields of a structure, in their order.
 */
export type DType = string | readonly DTypeField[]

/** A field of a structure; one with a shape is an array of its own. */
export type DTypeField = readonly [name: string, dtype: DType, shape?: readonly number[]]

/** A Float16Array, which runtimes before Node.js 24 do not have. */
export interface Float16Data {
  readonly BYTES_PER_ELEMENT: number
  readonly buffer: ArrayBufferLike
  readonly byteLength: number
  readonly byteOffset: number
  readonly length: number
  readonly [Symbol.toStringTag]: 'Float16Array'
  [index: number]: number
}

/** The typed arrays that an array's elements may be in. */
export type ArrayData =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | Float16Data

export type ArrayDataClass = new (buffer: ArrayBufferLike, offset?: number, length?: number) => ArrayData

/** How the elements of a dtype lie in memory, little-endian. */
export interface ElementType {
  /** As users know it. */
  readonly dtype: DType
  /** As it travels: docs/values.md. */
  readonly wire: string | readonly unknown[]
  /** Of an element, in bytes. */
  readonly size: number
  /** Of the typed array that they are in. */
  readonly store: ArrayDataClass
  /** How many of that array's elements are one of these. */
  readonly width: number
  /** Whether that array says all, if it has one dimension. */
  readonly isPlain: boolean
  load(view: DataView, at: number): unknown
  /** Throws IpcError 'invalid_argument' for what is no such element. */
  save(view: DataView, at: number, value: unknown): void
}

/** NumPy's limit of an element's size. */
export const maxElementSize = 0x7fff_ffff

/** The dtype as a message has it. */
export function shownDtype(dtype: DType): string {
  return typeof dtype === 'string' ? dtype : JSON.stringify(dtype)
}
