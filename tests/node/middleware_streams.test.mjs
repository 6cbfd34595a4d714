// Middleware around streams, and calls that are made again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { deferred, serveAndConnect } from './support/endpoints.mjs'
import { target } from './support/middleware.mjs'

const doubled = {
  'a plain generator': async (call, next) => {
    const items = await next(call)
    return (async function* () {
      for await (const each of items) yield 2 * each
    })()
  },
  'a generator around the call': (call, next) =>
    (async function* () {
      for await (const each of next(call)) yield 2 * each
    })(),
  'ipc.stream': async (call, next) => {
    const items = await (await next(call)).toArray()
    return ipc.stream(items.map(each => 2 * each))
  },
}

for (const [what, middleware] of Object.entries(doubled)) {
  test(`a stream that is wrapped in ${what} is a stream still`, async t => {
    const { remote } = await serveAndConnect(t, { rows: target.rows }, { connect: { middleware } })
    assert.deepEqual(await (await remote.rows(4)).toArray(), [0, 2, 4, 6])
    const read = []
    for await (const each of remote.rows(3)) read.push(each)
    assert.deepEqual(read, [0, 2, 4])
    const stream = await remote.rows(3)
    assert(stream instanceof ipc.Stream)
    const first = stream[Symbol.asyncIterator]()
    assert.throws(() => stream[Symbol.asyncIterator](), { code: 'failed_precondition' })
    assert.equal((await first.next()).value, 0)
  })
}

test('a server wraps the streams of results, and passes those of arguments', async t => {
  const double = (call, next) => {
    const items = next(call)
    if (call.method !== 'rows') return items
    return (function* () {
      for (const each of items) yield 2 * each
    })()
  }
  const { remote } = await serveAndConnect(t, target, { serve: { middleware: double } })
  assert.deepEqual(await (await remote.rows(4)).toArray(), [0, 2, 4, 6])
  assert.equal(await remote.total(target.rows(5)), 10)
})

for (const [moment, read] of Object.entries({
  'before its first item': async () => {},
  'between items': async iterator => void (await iterator.next()),
  'while an item is awaited': async iterator => {
    await iterator.next()
    return { waiting: iterator.next() }
  },
})) {
  test(`closing a wrapped stream ${moment} ends the one inside`, { timeout: 60_000 }, async t => {
    const ended = deferred()
    const began = deferred()
    async function* rows() {
      try {
        began.resolve()
        yield 1
        await new Promise(resolve => ipc.context().signal.addEventListener('abort', resolve))
      } finally {
        ended.resolve()
      }
    }
    const middleware = async (call, next) => {
      const items = await next(call)
      return (async function* () {
        yield* items
      })()
    }
    const { remote } = await serveAndConnect(t, { rows }, { connect: { middleware } })
    const stream = await remote.rows()
    const { waiting } = (await read(stream[Symbol.asyncIterator]())) ?? {}
    await began.promise
    await stream.close()
    await ended.promise
    if (waiting !== undefined) assert.deepEqual(await waiting, { done: true, value: undefined })
  })
}

test('next may be called again, for plain values only', async t => {
  let failures = 2
  const flaky = a => {
    if (failures-- > 0) throw new ipc.IpcError('aborted', 'again')
    return a
  }
  const retry = async (call, next) => {
    for (;;) {
      try {
        return await next(call)
      } catch (error) {
        if (error.code !== 'aborted') throw error
      }
    }
  }
  const service = { flaky, total: async numbers => flaky(await target.total(numbers)) }
  for (const side of ['connect', 'serve']) {
    const { remote } = await serveAndConnect(t, service, { [side]: { middleware: retry } })
    failures = 2
    assert.equal(await remote.flaky([{ a: 1 }]).then(([{ a }]) => a), 1)
    failures = 1
    const cycle = { numbers: target.rows(3) }
    await assert.rejects(remote.total(cycle.numbers), { code: 'failed_precondition', message: /read once/ })
  }
})
