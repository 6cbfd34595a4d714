import { type ArrowType, TypeId } from './types'

export type Integers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
export type TypedArray = Integers | Float32Array | Float64Array

export interface TypedClass<T extends TypedArray = TypedArray> {
  new (length: number): T
  new (buffer: ArrayBufferLike, offset: number, length: number): T
}

type Classes = Readonly<Record<number, unknown>>
const signed: Classes = { 1: Int8Array, 2: Int16Array, 4: Int32Array, 8: BigInt64Array }
const unsigned: Classes = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }
/** Without the first where the runtime has none. */
const floats: Classes = {
  2: (globalThis as { Float16Array?: unknown }).Float16Array,
  4: Float32Array,
  8: Float64Array,
}

/** Of the numbers of a type, and of times and durations, which are counts; undefined of others. */
export function typedClass({ id, size, isSigned }: ArrowType): TypedClass | undefined {
  if (id === TypeId.float) return floats[size] as TypedClass | undefined
  if (id === TypeId.int) return (isSigned ? signed : unsigned)[size] as TypedClass
  // Times of 32 bits are BigInts as those of 64 are.
  return id === TypeId.duration || (id === TypeId.time && size === 8) ? BigInt64Array : undefined
}

/** So many values of an integer type, in the memory of `data`. */
export function integers(type: ArrowType, { buffer, byteOffset }: Buffer, length: number): Integers {
  const kind = (type.isSigned ? signed : unsigned)[type.size] as TypedClass<Integers>
  return new kind(buffer, byteOffset, length)
}

/**
 * Places, of 32 or 64 bits, as numbers: BigInts take ten times as long to read. They are copied, because they are checked before they are
 * used, and whoever has sent them may change its memory between.
 */
export function places(isLarge: boolean, { buffer, byteOffset }: Buffer, length: number): ArrayLike<number> {
  if (!isLarge) return new Int32Array(buffer, byteOffset, length).slice()
  const lower = new Uint32Array(buffer, byteOffset, 2 * length)
  const upper = new Int32Array(buffer, byteOffset, 2 * length)
  const numbers = new Float64Array(length)
  for (let index = 0; index < length; index++) {
    numbers[index] = (upper[2 * index + 1] as number) * 0x1_0000_0000 + (lower[2 * index] as number)
  }
  return numbers
}
