import { IpcError } from '../errors'
import { printed } from '../printed'
import { type DType, type DTypeField, type ElementType, maxElementSize } from './dtype'
import { sizeOf } from './shapes'

/** A field, and where it is in an element. */
interface Place {
  name: string
  type: ElementType
  shape: readonly number[]
  at: number
}

/** What a field is before its place is known. */
export interface FieldType {
  name: string
  type: ElementType
  shape: readonly number[]
}

/** The dtype of structures with these fields, one behind the other. Throws IpcError 'invalid_argument' where there can be none. */
export function structureType(fields: readonly FieldType[]): ElementType {
  const places: Place[] = []
  const names = new Set<string>()
  let size = 0
  for (const { name, type, shape } of fields) {
    if (name === '' || names.has(name))
      throw new IpcError('invalid_argument', `a field without a name of its own: '${name}'`)
    names.add(name)
    places.push({ name, type, shape, at: size })
    size += type.size * sizeOf(shape)
  }
  if (size === 0 || size > maxElementSize || places.some(({ shape }) => sizeOf(shape) === 0)) {
    throw new IpcError('invalid_argument', 'elements without any bytes, or of too many')
  }
  const dtype = Object.freeze(places.map(({ name, type, shape }) => field(name, type.dtype, shape)))
  const structure: ElementType = {
    dtype,
    wire: places.map(({ name, type, shape }) => field(name, type.wire as DType, shape)),
    size,
    store: Uint8Array,
    width: size,
    isPlain: false,
    load: (view, at) => loadFields(view, at, places),
    save: (view, at, value) => saveFields(view, at, places, value),
  }
  structures.set(dtype, structure)
  return structure
}

/** By the very description that such a type has, which cannot be changed. */
const structures = new WeakMap<object, ElementType>()

export function knownStructure(dtype: object): ElementType | undefined {
  return structures.get(dtype)
}

function field(name: string, dtype: DType, shape: readonly number[]): DTypeField {
  return Object.freeze<DTypeField>(shape.length === 0 ? [name, dtype] : [name, dtype, Object.freeze(shape)])
}

function loadFields(view: DataView, at: number, places: readonly Place[]): object {
  const object = {}
  for (const place of places) {
    const value = loadField(view, at + place.at, place.type, place.shape)
    Object.defineProperty(object, place.name, { value, writable: true, enumerable: true, configurable: true })
  }
  return object
}

function loadField(view: DataView, at: number, type: ElementType, [count, ...inner]: readonly number[]): unknown {
  if (count === undefined) return type.load(view, at)
  const step = type.size * sizeOf(inner)
  return Array.from({ length: count }, (_, index) => loadField(view, at + index * step, type, inner))
}

function saveFields(view: DataView, at: number, places: readonly Place[], value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    throw new IpcError('invalid_argument', `a structure is an object of its fields, not ${printed(value)}`)
  }
  for (const { name, type, shape, at: within } of places) {
    if (!Object.hasOwn(value, name)) throw new IpcError('invalid_argument', `a structure without its field '${name}'`)
    saveField(view, at + within, type, shape, (value as Record<string, unknown>)[name])
  }
}

function saveField(view: DataView, at: number, type: ElementType, shape: readonly number[], value: unknown): void {
  const [count, ...inner] = shape
  if (count === undefined) {
    type.save(view, at, value)
    return
  }
  if (!Array.isArray(value) || value.length !== count) {
    throw new IpcError(
      'invalid_argument',
      `a field of the shape [${shape}] is an array of ${count}, not ${printed(value)}`,
    )
  }
  const step = type.size * sizeOf(inner)
  for (let index = 0; index < count; index++) saveField(view, at + index * step, type, inner, value[index])
}
