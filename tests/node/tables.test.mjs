// Tables between services in Node.js: docs/tables.md.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tableFromArrays } from 'apache-arrow'
import ipc from 'ipcbridge'
import { connect, serveAndConnect, serveElsewhere } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

/** Beside its message, and within it. */
const sizes = [50_000, 3]
const tableOf = (rows, number) => tableFromArrays({ number: new Float64Array(rows).fill(number) })
const bytesIn = table => table.batches[0].data.children[0].values.byteLength
const numbersOf = table => table.getChild('number').toArray()

const target = `{
  async *tables(count, rows) {
    const { tableFromArrays } = await import('apache-arrow')
    for (let i = 0; i < count; i++) yield tableFromArrays({ number: new Float64Array(rows).fill(i) })
  },
  echo: value => value,
}`

async function elsewhere(t) {
  const address = freshName()
  await serveElsewhere(t, address, { target })
  return connect(t, address)
}

for (const rows of sizes) {
  describe(`tables of ${rows} rows`, () => {
    test('of a stream stay when the next is asked for', async t => {
      const remote = await elsewhere(t)
      const tables = await (await remote.tables(5, rows)).toArray()
      for (const [index, table] of tables.entries()) {
        assert.deepEqual(numbersOf(table), new Float64Array(rows).fill(index))
      }
    })

    test('can be written to, which nobody else sees', async t => {
      const table = tableOf(rows, 1)
      const { remote } = await serveAndConnect(t, { echo: value => value })
      const arrived = await remote.echo(table)
      numbersOf(arrived)[0] = 9
      assert.equal(numbersOf(await remote.echo(table))[0], 1)
      assert.equal(numbersOf(arrived)[0], 9)
    })

    test('come to a thread that waits for them', async t => {
      const address = freshName()
      await serveElsewhere(t, address, { target })
      const remote = await connect(t, address)
      const arrived = ipc.sync(remote).echo(tableOf(rows, 2))
      assert.deepEqual(numbersOf(arrived), new Float64Array(rows).fill(2))
    })

    test('are arguments and results of callbacks', async t => {
      const { remote } = await serveAndConnect(t, { call: (fn, table) => fn(table) })
      const arrived = await remote.call(table => table.concat(table), tableOf(rows, 3))
      assert.equal(arrived.numRows, 2 * rows)
    })
  })
}

test('release() empties a table that came beside its message, and leaves others', async t => {
  const remote = await elsewhere(t)
  const [first, second] = await Promise.all([1, 2].map(number => remote.echo(tableOf(50_000, number))))
  ipc.release(first)
  assert.equal(bytesIn(first), 0)
  assert.equal(numbersOf(second)[49_999], 2)
  ipc.release(first)
  const own = tableOf(3, 1)
  ipc.release(own)
  assert.equal(numbersOf(own).length, 3)
  assert.equal(ipc.retain(second), second)
  ipc.release(tableFromArrays({}))
})
