// Arrays of every dtype that travels, for fast-check.
import fc from 'fast-check'
import { NDArray } from './notation.mjs'

const stores = {
  bool: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float16: globalThis.Float16Array ?? Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  complex64: Float32Array,
  complex128: Float64Array,
}
const sizes = { bool: 1, float16: 2, complex64: 8, complex128: 16 }

const units = fc.constantFrom('Y', 'M', 'W', 'D', 'h', 'm', 's', 'ms', 'us', 'ns', 'ps', 'fs', 'as', '25s', '3M')
const fixed = fc.constantFrom(...Object.keys(stores))
const times = fc.tuple(fc.constantFrom('datetime64', 'timedelta64'), units).map(([kind, unit]) => `${kind}[${unit}]`)
const texts = fc.tuple(fc.constantFrom('<U', '|S', '|V'), fc.integer({ min: 1, max: 5 })).map(parts => parts.join(''))
const scalar = fc.oneof(fixed, times, texts, fc.constantFrom('datetime64', 'timedelta64'))
const name = fc.oneof(
  fc.constantFrom('x', 'größe', '__proto__', 'constructor', '1'),
  fc.string({ minLength: 1, maxLength: 4 }),
)

const { dtype } = fc.letrec(tie => ({
  dtype: fc.oneof({ maxDepth: 2 }, { arbitrary: scalar, weight: 3 }, { arbitrary: tie('structure'), weight: 1 }),
  structure: fc.uniqueArray(tie('field'), { minLength: 1, maxLength: 3, selector: ([field]) => field }),
  field: fc
    .tuple(name, tie('dtype'), fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }))
    .map(([field, type, shape]) => (shape.length === 0 ? [field, type] : [field, type, shape])),
}))

/** How many bytes an element has. */
function sizeOf(type) {
  if (Array.isArray(type)) {
    return type.reduce((sum, [, inner, shape = []]) => sum + shape.reduce((a, b) => a * b, sizeOf(inner)), 0)
  }
  if (/^(datetime|timedelta)/.test(type)) return 8
  const length = /^(<U|\|S|\|V)(\d+)$/.exec(type)
  if (length) return Number(length[2]) * (length[1] === '<U' ? 4 : 1)
  return sizes[type] ?? stores[type].BYTES_PER_ELEMENT
}

/** An array of whatever bytes: contiguous, reversed or transposed. */
export const ndarray = fc
  .tuple(dtype, fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }))
  .chain(([type, shape]) => {
    const count = shape.reduce((a, b) => a * b, 1) * sizeOf(type)
    return fc.tuple(
      fc.constant(type),
      fc.constant(shape),
      fc.uint8Array({ minLength: count, maxLength: count }),
      fc.constantFrom(
        array => array,
        array => array.transpose(),
        array => array.slice(...array.shape.map(() => [null, null, -1])),
        array => (array.ndim > 0 ? array.slice([null, null, 2]) : array),
      ),
    )
  })
  .map(([type, shape, bytes, view]) => {
    const isTime = typeof type === 'string' && /^(datetime|timedelta)/.test(type)
    const store = isTime ? BigInt64Array : (stores[type] ?? Uint8Array)
    return view(new NDArray(new store(Uint8Array.from(bytes).buffer), shape, { dtype: type }))
  })

export const typedArray = fc.oneof(
  ...[fc.int8Array, fc.int16Array, fc.int32Array, fc.uint16Array, fc.uint32Array].map(make => make()),
  ...[fc.float32Array, fc.float64Array, fc.bigInt64Array, fc.bigUint64Array].map(make => make()),
)

/** What is left of an array when it has arrived: its dtype, shape and bytes in C order. */
export function told(array) {
  const { dtype, shape, data } = (array instanceof NDArray ? array : new NDArray(array)).copy()
  return { dtype, shape, bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex') }
}
