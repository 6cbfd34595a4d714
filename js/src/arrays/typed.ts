import type { ArrayData, ElementType } from './dtype'
import { fixedTypes } from './numbers'

// The engine's own, which neither subclasses nor properties of an object replace; they know arrays of other realms as well.
const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object
const nameOf = getter<string | undefined>(Symbol.toStringTag)
const bufferOf = getter<ArrayBufferLike>('buffer')
const offsetOf = getter<number>('byteOffset')
const bytesIn = getter<number>('byteLength')
const { keys } = Uint8Array.prototype

function getter<T>(name: string | symbol): (this: unknown) => T {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as (this: unknown) => T
}

const dtypes: Readonly<Record<string, string>> = {
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  BigInt64Array: 'int64',
  BigUint64Array: 'uint64',
  Float16Array: 'float16',
  Float32Array: 'float32',
  Float64Array: 'float64',
}

/** What the elements of a typed array are; undefined of what is none. */
export function typeOfElements(value: unknown): ElementType | undefined {
  const name = nameOf.call(value)
  return name === undefined ? undefined : fixedTypes.get(dtypes[name] ?? '')
}

/** Whether it is a typed array. */
export function isElements(value: unknown): value is ArrayData {
  return nameOf.call(value) !== undefined
}

/** The bytes of a typed array; undefined where its memory is gone: transferred, or shrunk away from below it. */
export function bytesOfElements(elements: ArrayData): Uint8Array | undefined {
  const length = bytesIn.call(elements)
  if (length === 0 && !isThere(elements)) return undefined
  return new Uint8Array(bufferOf.call(elements), offsetOf.call(elements), length)
}

/** Whether an empty typed array is so because it was made so. */
export function isThere(elements: unknown): boolean {
  try {
    keys.call(elements as Uint8Array) // asks whether the array is within its buffer, as every method does
    return true
  } catch {
    return false
  }
}
