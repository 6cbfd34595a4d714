import { type Column, ColumnReader, type Dictionary } from './columns'
import { FlatTable } from './flatbuffers'
import { malformed } from './malformed'
import { type Field, readSchema, type Schema } from './schema'
import { type Weigh, weightOfBatch } from './weight'

/** The rows of one record batch. */
export interface Batch {
  readonly length: number
  readonly columns: readonly Column[]
}

export interface ArrowStream {
  readonly schema: Schema
  readonly batches: readonly Batch[]
}

const kinds = { schema: 1, dictionary: 2, batch: 3 }
const version5 = 4
/** What stands before a message's metadata: four bytes that are all ones, and the metadata's size. */
const prefix = 8

interface Message {
  readonly kind: number
  readonly header: FlatTable
  readonly body: Buffer
}

/**
 * What an Arrow IPC stream holds: its bytes are not copied, and must be aligned to 8. Each batch but the first is weighed. Throws
 * IpcError 'data_loss' for bytes that are no such stream from their first to their last.
 */
export function readStream(bytes: Buffer, weigh: Weigh): ArrowStream {
  const messages = messagesIn(bytes)
  const { value: first } = messages.next()
  if (first?.kind !== kinds.schema) throw malformed('a stream that does not begin with a schema')
  const schema = readSchema(first.header)
  const dictionaries = new Map<bigint, Dictionary>()
  const batches: Batch[] = []
  const columns = countOf(schema.fields)
  for (const message of messages) {
    if (message.kind === kinds.batch) {
      if (batches.length > 0) weigh(weightOfBatch(columns))
      batches.push(readBatch(message, schema, dictionaries))
    } else if (message.kind === kinds.dictionary) {
      weigh(weightOfBatch(1))
      readDictionary(message, schema, dictionaries)
    } else throw malformed('a message that is neither a batch nor a dictionary')
  }
  return { schema, batches }
}

/** How many columns there are, on all levels. */
function countOf(fields: readonly Field[]): number {
  return fields.reduce((sum, { children }) => sum + 1 + countOf(children), 0)
}

function* messagesIn(bytes: Buffer): Generator<Message, undefined> {
  let at = 0
  for (;;) {
    if (at + prefix > bytes.length) throw malformed('it is cut short')
    if (bytes.readUInt32LE(at) !== 0xffff_ffff) throw malformed('a message without its mark')
    const size = bytes.readInt32LE(at + 4)
    at += prefix
    if (size === 0) break
    const body = at + size
    if (size < 0 || size % 8 !== 0 || body > bytes.length) throw malformed('a message longer than its stream')
    const message = FlatTable.root(bytes.subarray(at, body))
    const length = message.size(3)
    if (length % 8 !== 0 || length > bytes.length - body) throw malformed('a batch longer than its stream')
    at = body + length
    yield readMessage(message, bytes.subarray(body, at))
  }
  if (at !== bytes.length) throw malformed(`${bytes.length - at} bytes after its end`)
}

function readMessage(message: FlatTable, body: Buffer): Message {
  if (message.short(0) !== version5) throw malformed('it is not of version 5 of the format')
  const header = message.table(2)
  if (header === undefined) throw malformed('a message without contents')
  return { kind: message.byte(1), header, body }
}

type Dictionaries = Map<bigint, Dictionary>

function readBatch({ header, body }: Message, schema: Schema, dictionaries: Dictionaries): Batch {
  const length = header.size(0)
  return { length, columns: readColumns(schema.fields, length, new ColumnReader(header, body, dictionaries)) }
}

function readDictionary({ header, body }: Message, schema: Schema, dictionaries: Dictionaries): void {
  const id = header.id(0)
  const field = schema.dictionaries.get(id)
  const batch = header.table(1)
  if (field === undefined || batch === undefined) throw malformed('a dictionary of no column')
  const length = batch.size(0)
  const chunks = readColumns([field], length, new ColumnReader(batch, body, dictionaries))
  const known = dictionaries.get(id)
  if (header.bool(2) && known !== undefined) {
    known.chunks.push(...chunks)
    known.length += length
  } else dictionaries.set(id, { chunks, length })
}

/** All columns of a batch, of so many rows. */
function readColumns(fields: readonly Field[], length: number, reader: ColumnReader): Column[] {
  const columns = fields.map(field => reader.column(field, length))
  reader.expectEnd()
  if (columns.some(column => column.length !== length)) throw malformed('columns of different lengths')
  return columns
}
