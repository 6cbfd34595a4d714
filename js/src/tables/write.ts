import { apacheArrow } from './apache_arrow'
import { OwnCopy } from './own_copy'
import type { ArrowBatch, ArrowSchema } from './shape'

export { Unsendable } from './own_copy'

/**
 * The parts of the Arrow IPC stream of these batches, most of them in the memory of these; undefined where there is no apache-arrow to
 * write it. Throws Unsendable.
 */
export function writeTable(schema: ArrowSchema, batches: readonly ArrowBatch[]): readonly Uint8Array[] | undefined {
  const arrow = apacheArrow()
  if (arrow === undefined) return undefined
  const copy = new OwnCopy(arrow)
  const own = copy.schema(schema)
  const chunks: Uint8Array[] = []
  // Its own queue takes what lies at the same place in memory, such as a vector that is two columns, for the same chunk.
  const sink = Object.assign(new arrow.AsyncByteQueue(), { write: (chunk: Uint8Array) => chunks.push(chunk) })
  const writer = new arrow.RecordBatchStreamWriter().reset(sink, own)
  for (const batch of batches) writer.write(copy.batch(own, batch))
  writer.finish()
  return chunks
}
