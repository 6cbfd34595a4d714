import { IpcError } from '../errors'
import { printed } from '../printed'
import type { ElementType } from './dtype'
import { fixedTypes } from './numbers'
import { checkShape } from './shapes'
import { type FieldType, knownStructure, structureType } from './structures'
import { textType } from './texts'
import { timeType } from './times'

/** How deep a dtype's fields may nest. */
export const maxFieldDepth = 128

/** Of text, bytes and times, those that were met. */
const others = new Map<string, ElementType>()
const mostOthers = 256

/** What is no structure, by the name that users know or that which travels; undefined when there is no such dtype. */
function namedType(name: string): ElementType | undefined {
  const known = fixedTypes.get(name) ?? others.get(name)
  if (known !== undefined) return known
  const type = textType(name) ?? timeType(name)
  if (type === undefined) return undefined
  if (others.size >= mostOthers) others.clear()
  others.set(name, type)
  return type
}

/** What is no structure, by the name that travels. */
export function wireType(name: string): ElementType | undefined {
  const type = namedType(name)
  return type?.wire === name ? type : undefined
}

/** The type of elements of a DType. Throws IpcError 'invalid_argument' for anything else. */
export function elementType(dtype: unknown, depth = 0): ElementType {
  if (typeof dtype === 'string') {
    const type = namedType(dtype)
    if (type !== undefined) return type
  } else if (Array.isArray(dtype) && depth < maxFieldDepth) {
    return knownStructure(dtype) ?? structureType(Array.from(dtype as unknown[], given => field(given, depth)))
  }
  throw new IpcError(
    'invalid_argument',
    `there is no dtype ${printed(dtype)}: write 'float64', 'uint8', 'datetime64[us]', '<U5' … or [['name', 'float64'], …]`,
  )
}

function field(given: unknown, depth: number): FieldType {
  const [name, dtype, shape = []] = Array.isArray(given) ? (given as unknown[]) : []
  if (typeof name !== 'string') {
    throw new IpcError('invalid_argument', `a field is [name, dtype] or [name, dtype, shape], not ${printed(given)}`)
  }
  const type = elementType(dtype, depth + 1)
  return { name, type, shape: checkShape(shape, type.size) }
}
