import { IpcError } from '../errors'
import type { ArrayData } from './dtype'
import type { Parts } from './parts'

/** Reads the element at a place, in elements. */
export function readerOf({ data, type }: Parts): (at: number) => unknown {
  if (type.isPlain) return at => data[at] ?? throwGone()
  const view = viewOf(data)
  return at => type.load(view, at * type.size)
}

function viewOf({ buffer, byteOffset, byteLength }: ArrayData): DataView {
  try {
    return new DataView(buffer, byteOffset, byteLength)
  } catch {
    return throwGone()
  }
}

function throwGone(): never {
  throw new IpcError('failed_precondition', 'the memory of this array is gone: its ArrayBuffer was transferred')
}

/** The elements in arrays within arrays. */
export function nestedOf(parts: Parts): unknown {
  const { shape, strides, offset } = parts.layout
  const read = readerOf(parts)
  const along = (axis: number, at: number): unknown => {
    if (axis === shape.length) return read(at)
    const count = shape[axis] as number
    const stride = strides[axis] as number
    const items: unknown[] = []
    for (let index = 0; index < count; index++) items.push(along(axis + 1, at + index * stride))
    return items
  }
  return along(0, offset)
}

/** The same, of what JSON has. */
export function asJson(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (Buffer.isBuffer(value)) return value.toString()
  if (Array.isArray(value)) return value.map(asJson)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asJson(item)]))
}
