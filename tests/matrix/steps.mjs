// What the scenario does: the service, and the steps of its client. Each step is given a client of such a service.

import assert from 'node:assert'
import { createRequire } from 'node:module'
import process from 'node:process'
import ipc from 'ipcbridge'

const bigBytes = 5_000_000
// In bytes: within a message, and beside one.
const arraySizes = [1_000, 16_000, 64_000, 1_000_000, 4_000_000]
// From 1 MiB on a table is in memory of its own.
const tableRows = [3, 200_000]
const moment = new Date(Date.UTC(2024, 1, 29, 12, 30, 15, 250))

class Counter {
  count = 0
  add(more) {
    this.count += more
    return this.count
  }
}

/** Undefined where it is not installed, or does not load. */
function apacheArrow() {
  try {
    return createRequire(`${process.cwd()}/program.js`)('apache-arrow')
  } catch {
    return undefined
  }
}

const ramp = length => Float64Array.from({ length }, (_, i) => i)

function assertSameBytes(array, expected) {
  const [bytes, wanted] = [array, expected].map(each => Buffer.from(each.buffer, each.byteOffset, each.byteLength))
  assert.strictEqual(Buffer.compare(bytes, wanted), 0)
}

const cityOf = row => ['Oslo', 'Rome'][row % 2]

const makeTable = rows =>
  apacheArrow().tableFromArrays({ number: ramp(rows), city: Array.from({ length: rows }, (_, row) => cityOf(row)) })

/** A table as `table` makes it, in the form that this environment has for one. */
function assertTable(table, rows) {
  const arrow = apacheArrow() !== undefined
  if (!arrow) assert.deepStrictEqual([table.index, table.dtypes.number], [null, 'double'])
  assertSameBytes(arrow ? table.getChild('number').toArray() : table.columns.number, ramp(rows))
  const cities = [...(arrow ? table.getChild('city') : table.columns.city)]
  assert.strictEqual(cities.length, rows)
  assert.ok(cities.every((city, row) => city === cityOf(row)))
}

/** Tells of each `hang` whose caller has gone. */
export function service(onGone, close) {
  return {
    add: (a, b) => a + b,
    echo: value => value,
    fail: message => {
      throw new RangeError(message)
    },
    zeros: size => Buffer.alloc(size),
    ramp,
    tables_are: () => (apacheArrow() ? 'apache-arrow' : 'columns'),
    table: makeTable,
    *count(to) {
      for (let number = 0; number < to; number++) yield number
    },
    async total(numbers) {
      let total = 0
      for await (const number of numbers) total += number
      return total
    },
    async *doubled(numbers) {
      for await (const number of numbers) yield 2 * number
    },
    async call_back(listener, times) {
      let total = 0
      for (let each = 0; each < times; each++) total += await listener(each)
      return total
    },
    counter: () => ipc.proxy(new Counter()),
    async hang(begun) {
      const { signal } = ipc.context()
      const gone = new Promise(resolve => signal.addEventListener('abort', resolve))
      await begun().catch(() => {}) // who was killed then has not answered
      await gone
      onGone()
    },
    pid: () => process.pid,
    leave: () => {
      close()
    },
  }
}

export const rejects = (promise, expected) =>
  promise.then(
    () => assert.fail('it succeeded'),
    error => {
      for (const [key, value] of Object.entries(expected)) assert.deepStrictEqual(error[key], value, `${key}: ${error}`)
    },
  )

/** A call of `hang`, when it has begun. */
export async function hanging(remote) {
  let call
  await new Promise((resolve, reject) => {
    call = remote.hang(() => resolve())
    call.catch(reject)
  })
  return { call }
}

export const steps = {
  async calls(remote) {
    assert.strictEqual(await remote.add(2, 3), 5)
    const sums = await Promise.all(Array.from({ length: 200 }, (_, i) => remote.add(i, i)))
    assert.deepStrictEqual(
      sums,
      sums.map((_, i) => 2 * i),
    )
  },
  async errors(remote) {
    const failed = await remote.fail('too far').catch(error => error)
    assert.ok(failed instanceof ipc.RemoteError, String(failed))
    assert.strictEqual(failed.message, 'too far')
    assert.match(failed.type, /^(RangeError|IndexError)$/)
    assert.throws(() => remote.nothing(), TypeError)
    await rejects(remote.echo(Symbol('no value')), { code: 'invalid_argument' })
  },
  async values(remote) {
    const value = {
      nothing: null,
      whole: 2 ** 40,
      large: 2n ** 100n,
      fraction: -0.5,
      text: 'grüße 🎈',
      list: [1, [2, [3]]],
      bytes: Buffer.from([0, 255]),
      moment,
      map: new Map([[1, 'one']]),
      set: new Set(['a']),
    }
    assert.deepStrictEqual(await remote.echo(value), value)
  },
  async 'big buffers'(remote) {
    assert.strictEqual((await remote.zeros(bigBytes)).length, bigBytes)
    const bytes = Buffer.alloc(bigBytes, 7)
    const echoed = await remote.echo(bytes)
    assert.ok(Buffer.isBuffer(echoed))
    assert.strictEqual(Buffer.compare(echoed, bytes), 0)
  },
  async arrays(remote) {
    for (const size of arraySizes) {
      const numbers = ramp(size / 8)
      const arrived = await remote.ramp(numbers.length)
      assert.strictEqual(arrived[Symbol.toStringTag], 'Float64Array')
      assertSameBytes(arrived, numbers)
      ipc.release(arrived)
      assertSameBytes(await remote.echo(numbers), numbers)
    }
  },
  async alloc(remote) {
    for (const size of arraySizes) {
      const numbers = ipc.alloc([size / 8], 'float64')
      numbers.data.set(ramp(size / 8))
      assertSameBytes(await remote.echo(numbers), numbers.data)
      const bytes = ipc.alloc(size)
      bytes.fill(7)
      const echoed = await remote.echo(bytes)
      assert.ok(Buffer.isBuffer(echoed))
      assertSameBytes(echoed, bytes)
      ipc.release(numbers)
      ipc.release(bytes)
    }
  },
  async tables(remote) {
    const theirs = await remote.tables_are()
    for (const rows of tableRows) {
      if (theirs === 'pyarrow') assertTable(await remote.table(rows), rows)
      if (apacheArrow() === undefined) continue
      if (theirs === 'pyarrow') assertTable(await remote.echo(makeTable(rows)), rows)
      else await rejects(remote.echo(makeTable(rows)), { code: 'failed_precondition' })
    }
    assert.strictEqual(await remote.add(2, 3), 5)
  },
  async streams(remote) {
    let total = 0
    for await (const number of remote.count(1000)) total += number
    assert.strictEqual(total, 499_500)
    assert.strictEqual(await remote.total(ipc.stream(Array.from({ length: 1000 }, (_, i) => i))), 499_500)
    const doubled = []
    for await (const number of remote.doubled(ipc.stream([1, 2, 3]))) doubled.push(number)
    assert.deepStrictEqual(doubled, [2, 4, 6])
    for await (const number of remote.count(1e6)) if (number === 10) break
  },
  async callbacks(remote) {
    assert.strictEqual(await remote.call_back(each => each + 1, 10), 55)
    const thrown = await remote
      .call_back(() => {
        throw new Error('not now')
      }, 1)
      .catch(error => error)
    assert.strictEqual(thrown.message, 'not now')
  },
  async references(remote) {
    const counter = await remote.counter()
    assert.deepStrictEqual([await counter.add(2), await counter.add(3)], [2, 5])
    ipc.release(counter)
  },
  async cancellation(remote) {
    const controller = new AbortController()
    const { call } = await hanging(ipc.withOptions(remote, { signal: controller.signal }))
    controller.abort()
    await rejects(call, { code: 'cancelled', name: 'AbortError' })
    await rejects(
      ipc.withOptions(remote, { timeout: 50 }).hang(() => {}),
      { code: 'deadline_exceeded' },
    )
  },
  async 'blocking calls'(remote) {
    const blocking = ipc.sync(remote)
    assert.strictEqual(blocking.add(2, 3), 5)
    assert.deepStrictEqual([...blocking.count(3)], [0, 1, 2])
  },
  commonjs() {
    assert.strictEqual(createRequire(`${process.cwd()}/program.js`)('ipcbridge').connect, ipc.connect)
  },
}
