// apache-arrow in both of its forms, each of which has classes of its own, and streams that it would not write.
import { createRequire } from 'node:module'

export const arrow = createRequire(import.meta.url)('apache-arrow')
export * as arrowModule from 'apache-arrow'

/** The stream of a table, each batch of which, and each dictionary, `change` has seen as { nodes, bufferRegions, buffers }. */
export function tampered(table, change) {
  class Writer extends arrow.RecordBatchStreamWriter {
    _assembleRecordBatch(batch) {
      const parts = super._assembleRecordBatch(batch)
      change(parts, this)
      return parts
    }
  }
  return written(new Writer(), table)
}

export function written(writer, table) {
  writer.write(table)
  return Buffer.from(writer.finish().toUint8Array(true))
}
