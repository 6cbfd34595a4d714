// Tables where apache-arrow is not installed: docs/tables.md.
import assert from 'node:assert/strict'
import Module from 'node:module'
import { test } from 'node:test'

const load = Module._load
Module._load = function (name, ...rest) {
  if (name === 'apache-arrow')
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
  return load.call(this, name, ...rest)
}

const { decode, encode } = await import('./notation.mjs')
const { pythonTables, tableMessage } = await import('./table_notation.mjs')
const streams = new Map(pythonTables().map(({ name, hex }) => [name, Buffer.from(hex, 'hex')]))

test('a table is an object of its columns', () => {
  const frame = decode(tableMessage('pandas', streams.get('pandas: labels')))
  assert.deepEqual(frame, {
    columns: { n: BigInt64Array.of(1n, 2n), x: Float64Array.of(0.5, 1.5), s: ['a', 'b'] },
    index: ['é', 'f'],
    dtypes: { n: 'int64', x: 'float64', s: 'str' },
  })
})

test('it is of memory of its own, aligned wherever it stood', () => {
  const message = tableMessage('batch', streams.get('double'))
  const { columns } = decode(message)
  message.fill(0)
  assert.equal(columns.all[0], 1e300)
})

test('it can be sent as what it is', () => {
  const { columns } = decode(tableMessage('table', streams.get('int32')))
  assert.deepEqual(decode(encode(columns)), columns)
})

test('a table of apache-arrow is refused', () => {
  const table = new (class Table {
    schema = { fields: [] }
    batches = []
    getChildAt() {}
  })()
  assert.throws(() => encode({ table }), {
    code: 'failed_precondition',
    message:
      'result.table cannot be sent: a table of apache-arrow, which cannot be loaded from here: npm install apache-arrow',
  })
})

test('more values than their bytes are not made', () => {
  const names = ['null', 'struct of none', 'list']
  for (const name of names) decode(tableMessage('table', streams.get(name)))
  const message = tableMessage('table', grown(streams.get('null'), 2 ** 23))
  assert.throws(() => decode(message), { code: 'resource_exhausted' })
})

/** A stream of a batch of so many rows instead of two, wherever they are told. */
function grown(stream, rows) {
  const copy = Buffer.from(stream)
  const two = Buffer.from(BigInt64Array.of(2n).buffer)
  for (let at = copy.indexOf(two); at >= 0; at = copy.indexOf(two, at + 8)) copy.writeBigInt64LE(BigInt(rows), at)
  return copy
}
