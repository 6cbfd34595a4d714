import type { ElementType } from './dtype'
import type { Layout } from './slices'

/** The elements in arrays within arrays. */
export function nestedOf(view: DataView, type: ElementType, { shape, strides, offset }: Layout): unknown {
  const { size } = type
  const along = (axis: number, at: number): unknown => {
    if (axis === shape.length) return type.load(view, at * size)
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
