import type { Parts } from './parts'
import { isContiguous, sizeOf } from './shapes'
import type { Layout } from './slices'

/**
 * The bytes of an array's elements in C order: the very ones where they lie so, else a copy. Throws what the engine does where the
 * memory is gone.
 */
export function contentsOf({ data, type, layout }: Parts): Uint8Array {
  const { buffer, byteOffset, byteLength } = data
  const { shape, strides, offset } = layout
  const { size } = type
  if (sizeOf(shape) === 0) return new Uint8Array(0) // its offset may be anywhere
  if (isContiguous(shape, strides)) return new Uint8Array(buffer, byteOffset + offset * size, sizeOf(shape) * size)
  return gathered(new Uint8Array(buffer, byteOffset, byteLength), size, layout)
}

function gathered(bytes: Uint8Array, itemSize: number, { shape, strides, offset }: Layout): Uint8Array {
  const count = sizeOf(shape)
  const copy = new Uint8Array(count * itemSize)
  if (count === 0) return copy
  const unit = unitOf(bytes, itemSize)
  const words = itemSize / unit.BYTES_PER_ELEMENT
  const from = new unit(
    bytes.buffer as ArrayBuffer,
    bytes.byteOffset,
    Math.floor(bytes.byteLength / unit.BYTES_PER_ELEMENT),
  )
  const to = new unit(copy.buffer)
  let next = 0
  const copyAxis = (axis: number, at: number): void => {
    const dimension = shape[axis] as number
    const stride = (strides[axis] as number) * words
    if (axis + 1 < shape.length) {
      for (let index = 0; index < dimension; index++) copyAxis(axis + 1, at + index * stride)
    } else if (stride === words) {
      to.set(from.subarray(at, at + dimension * words), next)
      next += dimension * words
    } else if (words === 1) {
      for (let index = 0; index < dimension; index++) to[next++] = from[at + index * stride] as number
    } else {
      for (let index = 0; index < dimension; index++) {
        for (let word = 0; word < words; word++) to[next++] = from[at + index * stride + word] as number
      }
    }
  }
  copyAxis(0, offset * words)
  return copy
}

/** What copies several bytes at once: never as floats, whose NaN would not stay as they are. */
function unitOf(
  bytes: Uint8Array,
  itemSize: number,
): Uint8ArrayConstructor | Uint16ArrayConstructor | Uint32ArrayConstructor {
  if (itemSize % 4 === 0 && bytes.byteOffset % 4 === 0) return Uint32Array
  return itemSize % 2 === 0 && bytes.byteOffset % 2 === 0 ? Uint16Array : Uint8Array
}
