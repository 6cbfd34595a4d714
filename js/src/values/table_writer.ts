import type * as Tables from '../tables'
import { type ArrowBatch, type ArrowTable, isArrowTable } from '../tables/shape'
import { ArrayWriter } from './array_writer'
import { Refused } from './refused'
import { extension } from './wire'
import { lengthOf } from './writer'

/** Writes tables: [kind, stream]. */
export abstract class TableWriter extends ArrayWriter {
  /** A Table or RecordBatch of apache-arrow. */
  protected table(table: ArrowTable | ArrowBatch): void {
    const isTable = isArrowTable(table)
    const stream = streamOf(table.schema, isTable ? table.batches : [table])
    const length = lengthOf(stream)
    const start = this.beginExtension()
    this.arrayHeader(2)
    this.string(isTable ? 'table' : 'batch')
    this.endExtension(extension.table, start, this.sizeOfData(length))
    this.data(stream, length)
  }
}

function streamOf(schema: ArrowTable['schema'], batches: readonly ArrowBatch[]): readonly Uint8Array[] {
  const { writeTable, Unsendable } = require('../tables') as typeof Tables // few programs have any
  try {
    const stream = writeTable(schema, batches)
    if (stream !== undefined) return stream
  } catch (thrown) {
    if (!(thrown instanceof Unsendable)) throw thrown
    throw new Refused(`a table with ${thrown.message}`)
  }
  throw new Refused('a table of apache-arrow, which cannot be loaded from here: npm install apache-arrow', 'missing')
}
