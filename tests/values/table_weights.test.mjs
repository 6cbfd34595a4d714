// A few bytes of a table stand for much more where it becomes an object of its columns: that is weighed before it is made.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arrow } from './apache_arrow.mjs'
import { decode, IpcError } from './notation.mjs'
import { plain, tableMessage } from './table_notation.mjs'

const mostWeight = 2 ** 23

function column(type, length, buffers) {
  return new arrow.Vector([arrow.makeData({ type, length, nullCount: 0, ...buffers })])
}

function streamOf(columns, metadata = {}) {
  const { schema, batches } = new arrow.Table(columns)
  const described = new arrow.Schema(schema.fields, new Map(Object.entries(metadata)))
  return Buffer.from(arrow.tableToIPC(new arrow.Table(described, batches)))
}

function ofPandas(columns, indexColumns) {
  return streamOf(columns, { pandas: JSON.stringify({ index_columns: indexColumns, columns: [] }) })
}

function refused(read) {
  assert.throws(read, error => error instanceof IpcError && error.code === 'resource_exhausted')
}

const heavy = [
  ['dates', new arrow.DateDay(), length => ({ data: new Int32Array(length) }), 1],
  ['moments', new arrow.TimestampSecond(), length => ({ data: new BigInt64Array(length) }), 1],
  ['bytes', new arrow.FixedSizeBinary(1), length => ({ data: new Uint8Array(length) }), 1],
  ['empty bytes', new arrow.Binary(), length => ({ valueOffsets: new Int32Array(length + 1), data: Buffer.of() }), 1],
  ['decimals', new arrow.Decimal(1024, 5, 128), length => ({ data: new Uint32Array(4 * length) }), 17],
  ['booleans', new arrow.Bool(), length => ({ data: new Uint8Array(Math.ceil(length / 8)) }), 1 / 8],
]

for (const [name, type, buffers, weight] of heavy) {
  test(`more ${name} than one message may hold are refused`, () => {
    const length = Math.floor(mostWeight / weight) + 1
    const stream = streamOf({ a: column(type, length, buffers(length)) })
    refused(() => plain(stream))
  })
}

test('typed arrays weigh nothing, and what is beside one that is missing a little', () => {
  const length = mostWeight + 8
  const type = new arrow.Int8()
  const numbers = () => column(type, length, { data: new Int8Array(length) })
  const missing = () =>
    arrow.makeData({ type, length: 1, nullCount: 1, data: new Int8Array(1), nullBitmap: Uint8Array.of(0) })
  const some = () => new arrow.Vector([...numbers().data, missing()])
  assert.equal(plain(streamOf({ a: numbers() })).columns.a.length, length)
  const { a } = plain(streamOf({ a: some() })).columns
  assert.deepEqual([a.length, a.at(-2), a.at(-1)], [length + 1, 0, null])
  const many = Object.fromEntries(Array.from({ length: 8 }, (_, place) => [`c${place}`, some()]))
  refused(() => plain(streamOf(many)))
})

test('labels of several levels are weighed by the row', () => {
  const length = Math.ceil(mostWeight / 1.25) + 1
  const level = () => column(new arrow.Int8(), length, { data: new Int8Array(length) })
  refused(() => plain(ofPandas({ a: level(), b: level() }, ['a', 'b'])))
})

test('a column is one level of the labels, however often the metadata name it', () => {
  const data = Int8Array.of(5, 6)
  const labels = column(new arrow.Int8(), 2, { data })
  assert.deepEqual(plain(ofPandas({ labels }, Array(1000).fill('labels'))).index, data)
  const range = { kind: 'range', start: 0, stop: 2, step: 1 }
  assert.deepEqual(plain(ofPandas({ labels }, Array(1000).fill(range))).index, [0, 1])
})

test('batches weigh whatever is in them, with apache-arrow and without', () => {
  const names = Array.from({ length: 1023 }, (_, place) => `c${place}`)
  const one = () => column(new arrow.Int8(), 1, { data: new Int8Array(1) })
  const stream = streamOf(Object.fromEntries(names.map(name => [name, one()])))
  const batch = stream.subarray(8 + stream.readInt32LE(4), -8)
  const of = count => Buffer.concat([stream.subarray(0, -8), ...Array(count - 1).fill(batch), stream.subarray(-8)])
  for (const read of [plain, bytes => decode(tableMessage('table', bytes))]) {
    read(of(64))
    refused(() => read(of(1026)))
  }
})
