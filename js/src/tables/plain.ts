import { objectFor, setOwn } from '../own_properties'
import { dtypeName, type PandasMetadata, pandasMetadata, type Range } from './pandas'
import type { ArrowStream } from './stream'
import type { TypedArray } from './typed'
import { namedTwice, ValueReader } from './values'
import { type Weigh, weightOfLabels } from './weight'

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

/** A table as an object of its columns, each of which is weighed before it is made. */
export function plainTable({ schema, batches }: ArrowStream, weigh: Weigh): Columns {
  const pandas = pandasMetadata(schema)
  const reader = new ValueReader(weigh)
  const names = schema.fields.map(({ name }) => name)
  const columns = objectFor(names) as Record<string, ColumnValues>
  const dtypes = objectFor(names) as Record<string, string>
  const labels = new Set(pandas?.index)
  const levels = new Map<string, ColumnValues>()
  schema.fields.forEach((field, place) => {
    const { name } = field
    const chunks = batches.map(batch => batch.columns[place] as (typeof batch.columns)[number])
    if (Object.hasOwn(columns, name) || levels.has(name)) throw namedTwice(name)
    if (labels.has(name)) levels.set(name, reader.column(field, chunks))
    else {
      setOwn(columns, name, reader.column(field, chunks))
      setOwn(dtypes, name, dtypeName(field, pandas))
    }
  })
  const rows = batches.reduce((sum, { length }) => sum + length, 0)
  if (pandas === undefined) return { columns, index: null, dtypes }
  weigh(weightOfLabels(rows, pandas.index.length))
  return { columns, index: indexOf(pandas, levels, rows), dtypes }
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
  if (length !== rows) return undefined
  const numbers: number[] = []
  for (let row = 0; row < rows; row++) numbers.push(start + row * step)
  return numbers
}
