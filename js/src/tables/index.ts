/** Tables, as Arrow IPC streams: docs/tables.md. */
export type { Columns, ColumnValues } from './plain'
export { readTable } from './read'
export { Unsendable, writeTable } from './write'
