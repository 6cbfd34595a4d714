import type * as Tables from '../tables'
import { ArrayReader } from './array_reader'

/** Reads tables: [kind, stream]. */
export abstract class TableReader extends ArrayReader {
  protected table(length: number): object {
    this.expect(length)
    this.weigh(1)
    const outer = this.end
    this.end = this.at + length
    if (this.items() !== 2) throw this.malformed('a table that is not its kind and its stream')
    const kind = this.text()
    const stream = this.data()
    if (this.at !== this.end) throw this.malformed(`${this.end - this.at} bytes after a table`)
    this.end = outer
    const { readTable } = require('../tables') as typeof Tables // few programs have any
    return readTable(kind, stream, values => this.weigh(values))
  }
}
