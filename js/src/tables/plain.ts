import { IpcError } from '../errors'
import { objectFor, setOwn } from '../own_properties'
import { dtypeName, type PandasMetadata, pandasMetadata, type Range } from './pandas'
import type { ArrowStream } from './stream'
import type { TypedArray } from './typed'
import { ValueReader } from './values'

/** The values of a column: docs/tables.md. */
export type ColumnValues = TypedArray | unknown[]

/** A table as it arrives where apache-arrow is not installed. */
export interface Columns {
  /** The values of each column, by its name. */
  columns: Record<string, ColumnValues>
  /** The labels of the rows of a frame of pandas, of a MultiIndex an array for each row; null of what is no such frame. */
  index: ColumnValues | null
  /** For each column the name of its dtype in pandas; of what is no frame of pandas that of its type in Arrow, 'timestamp[us]'. */
  dtypes: Record<string, string>
}

/** A table as an object of its columns. */
export function plainTable({ schema, batches }: ArrowStream): Columns {
  const pandas = pandasMetadata(schema)
  const reader = new ValueReader()
  const names = schema.fields.map(({ name }) => name)
  const columns = objectFor(names) as Record<string, ColumnValues>
  const dtypes = objectFor(names) as Record<string, string>
  const labels = new Set(pandas?.index)
  const levels = new Map<string, ColumnValues>()
  schema.fields.forEach((field, place) => {
    const { name } = field
    const chunks = batches.map(batch => batch.columns[place] as (typeof batch.columns)[number])
    if (Object.hasOwn(columns, name) || levels.has(name)) throw twice(name)
    if (labels.has(name)) levels.set(name, reader.column(field, chunks))
    else {
      setOwn(columns, name, reader.column(field, chunks))
      setOwn(dtypes, name, dtypeName(field, pandas))
    }
  })
  const rows = batches.reduce((sum, { length }) => sum + length, 0)
  return { columns, index: pandas === undefined ? null : indexOf(pandas, levels, rows), dtypes }
}

/** As pandas itself does: rows whose labels are not in the table are counted from 0. */
function indexOf({ index }: PandasMetadata, levels: ReadonlyMap<string, ColumnValues>, rows: number): ColumnValues {
  const found = index.map(entry => (typeof entry === 'string' ? levels.get(entry) : counted(entry, rows)))
  const [first] = found
  if (first === undefined || found.includes(undefined)) return counted({ start: 0, step: 1, length: rows }, rows) ?? []
  if (found.length === 1) return first
  return Array.from({ length: rows }, (_, row) => found.map(level => level?.[row]))
}

function counted({ start, step, length }: Range, rows: number): number[] | undefined {
  return length === rows ? Array.from({ length }, (_, row) => start + row * step) : undefined
}

function twice(name: string): IpcError {
  return new IpcError(
    'failed_precondition',
    `a table with two columns named ${JSON.stringify(name)} is no object of its columns: rename one, or npm install apache-arrow`,
  )
}
