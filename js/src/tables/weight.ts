import type { Column } from './columns'
import { type ArrowType, TypeId } from './types'

/** Takes a weight, and throws where it is too much. */
export type Weigh = (weight: number) => void

/** Of a place in an Array, and of a number or a string there, which take several times the bytes that they come from. */
const light = 1 / 8
/** Of an object, or of what has no bytes of its own. */
const heavy = 1
/** As many digits behind the point of a decimal weigh as much as an object. */
const heavyScale = 64

/** Of a batch, and of each column of it. */
const part = 8

export function weightOfBatch(columns: number): number {
  return part * (1 + columns)
}

/** What the values of a column weigh in Arrays, on every level: a few bytes can stand for many. Those of a dictionary are not among them. */
export function weightOf({ field, length, children, dictionary }: Column): number {
  if (dictionary !== undefined) return light * length
  return children.reduce((sum, child) => sum + weightOf(child), weightOfEach(field.type) * length)
}

/** Of so many rows, that of the labels that have so many levels. */
export function weightOfLabels(rows: number, levels: number): number {
  return rows * (levels > 1 ? heavy + light * levels : light)
}

function weightOfEach({ id, layout, size, scale }: ArrowType): number {
  switch (id) {
    case TypeId.decimal:
      return heavy + Math.abs(scale) / heavyScale
    case TypeId.date:
    case TypeId.timestamp:
    case TypeId.interval:
    case TypeId.binary:
    case TypeId.largeBinary:
    case TypeId.fixedSizeBinary:
      return heavy
    default:
      return layout === 'union' || layout === 'variable' || layout === 'bits' || (layout === 'fixed' && size > 0)
        ? light
        : heavy
  }
}
