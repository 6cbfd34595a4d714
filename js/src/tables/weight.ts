import type { Column, Dictionary } from './columns'
import type { ArrowStream } from './stream'

/**
 * What the values of a table weigh beyond the table itself: 1 for each that is an object of several, or that has no bytes of its own, on
 * every level. A few bytes can stand for millions of these.
 */
export function weightOf({ batches }: ArrowStream): number {
  const dictionaries = new Set<Dictionary>()
  let weight = 0
  const add = ({ field, length, children, dictionary }: Column): void => {
    const { layout, size } = field.type
    if (dictionary !== undefined) {
      if (dictionaries.has(dictionary)) return
      dictionaries.add(dictionary)
      dictionary.chunks.forEach(add)
      return
    }
    const hasBytes =
      layout === 'variable' || layout === 'bits' || layout === 'union' || (layout === 'fixed' && size > 0)
    if (!hasBytes) weight += length
    children.forEach(add)
  }
  for (const { length, columns } of batches) {
    if (columns.length === 0) weight += length
    columns.forEach(add)
  }
  return weight
}
