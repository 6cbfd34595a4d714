import { type ArrowBatch, type ArrowData, type ArrowTable, isArrowTable } from './shape'

/** The memory of a table's values: one piece of what has arrived, that of each column of what a program has made. */
export function memoryOf(table: ArrowTable | ArrowBatch): ReadonlySet<ArrayBufferLike> {
  const memory = new Set<ArrayBufferLike>()
  const add = ({ values, valueOffsets, nullBitmap, typeIds, children, dictionary }: ArrowData): void => {
    for (const view of [values, valueOffsets, nullBitmap, typeIds])
      if (ArrayBuffer.isView(view)) memory.add(view.buffer)
    children.forEach(add)
    dictionary?.data.forEach(add)
  }
  for (const { data } of isArrowTable(table) ? table.batches : [table]) add(data)
  return memory
}
