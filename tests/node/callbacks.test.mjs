// Functions that are passed with a call live as long as it does.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import {
  connect,
  deferred,
  gate,
  serveAndConnect,
  serveElsewhere,
  serveElsewhereAndConnect,
} from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'
import { ownedCount } from './support/references.mjs'

const handlers = {
  async each(count, on) {
    const results = []
    for (let i = 0; i < count; i++) results.push(await on(i))
    return results
  },
  async inside({ list: [{ on }], map }) {
    return [await on('list'), await map.get('key')('map')]
  },
  isSame: (a, b) => a === b,
  ignore() {},
  async *doubled(count, on) {
    for (let i = 0; i < count; i++) yield await on(i)
  },
  back: on => on(on),
  async named(on) {
    return on(1, ipc.kwargs({ factor: 3 }))
  },
  give: () => () => 1,
  taken: stream => stream.toArray(),
  code: on => on().catch(error => [error.name, error.type, error.code, error.message]),
}

for (const transport of ['shm', 'unix']) {
  const pair = (t, target = handlers, options = {}) =>
    serveAndConnect(t, target, { address: freshAddress(transport), ...options })

  test(`${transport}: a handler calls functions that it was passed`, async t => {
    const { remote } = await pair(t)
    assert.deepEqual(await remote.each(3, i => 10 * i), [0, 10, 20])
    assert.deepEqual(await remote.each(3, async i => -i), [-0, -1, -2])
    assert.deepEqual(await remote.each(2, Math.abs.bind(undefined, -5)), [5, 5])
    assert.deepEqual(await remote.each(ipc.kwargs({ count: 1, on: i => String(i) })), ['0'])
    assert.equal(ownedCount(), 0)
  })

  test(`${transport}: functions inside lists, objects and Maps`, async t => {
    const { remote } = await pair(t)
    const on = text => `on ${text}`
    assert.deepEqual(await remote.inside({ list: [{ on }], map: new Map([['key', on]]) }), ['on list', 'on map'])
  })

  test(`${transport}: what a callback throws goes to who called it, and from there on`, async t => {
    const { remote } = await pair(t, handlers, { serve: { onError() {} } })
    const failing = () => {
      throw new RangeError('out of it')
    }
    assert.deepEqual(await remote.code(failing), ['RemoteError', 'RangeError', 'unknown', 'out of it'])
    await assert.rejects(remote.each(1, failing), { type: 'RangeError', message: 'out of it' })
    await assert.rejects(
      remote.each(1, async () => {
        throw new ipc.IpcError('not_found', 'nobody')
      }),
      { code: 'not_found' },
    )
    await assert.rejects(
      remote.each(1, () => Symbol('x')),
      { code: 'internal', message: /result cannot be sent: a symbol/ },
    )
  })

  test(`${transport}: a callback is gone when its call has been answered`, async t => {
    const held = {}
    const { remote } = await pair(t, { keep: on => void Object.assign(held, { on }), use: () => held.on() })
    await remote.keep(() => 1)
    await assert.rejects(remote.use(), { code: 'failed_precondition', message: /lives as long as the call/ })
    assert.equal(ownedCount(), 0)
  })

  test(`${transport}: it lives as long as the streams of the result`, async t => {
    const { remote } = await pair(t)
    const stream = await remote.doubled(100, i => 2 * i)
    assert.ok(ownedCount() > 0)
    assert.equal((await stream.toArray()).at(-1), 198)
    assert.equal(ownedCount(), 0)
    for await (const item of remote.doubled(100, i => i)) if (item === 1) break
    assert.equal(ownedCount(), 0)
  })

  test(`${transport}: what a handler sends before its answer is run before the call resolves`, async t => {
    const { remote } = await pair(t, {
      report(on) {
        for (let i = 0; i < 100; i++) ipc.notify(on)(i)
        return 'done'
      },
    })
    const seen = []
    await remote.report(i => seen.push(i))
    assert.deepEqual(seen, [...Array(100).keys()])
  })

  test(`${transport}: callbacks of callbacks, fifty deep`, async t => {
    const { remote } = await pair(t, { deeper: (depth, on) => on(depth) })
    let deepest = 0
    const descend = depth => {
      deepest = Math.max(deepest, depth)
      return depth === 50 ? 'bottom' : remote.deeper(depth + 1, descend)
    }
    assert.equal(await remote.deeper(0, descend), 'bottom')
    assert.equal(deepest, 50)
    assert.equal(ownedCount(), 0)
  })

  test(`${transport}: a callback that is passed back is called through both sides`, async t => {
    const { remote } = await pair(t, { back: on => on(on) })
    assert.equal(await remote.back(async on => (typeof on === 'function' ? on(5) : 2 * on)), 10)
  })

  test(`${transport}: a callback is passed on to a third process`, async t => {
    const third = freshAddress(transport)
    await serveElsewhere(t, third, { target: '{ ask: async on => [process.pid, await on(1)] }' })
    const { remote, child } = await serveElsewhereAndConnect(t, {
      address: freshAddress(transport),
      target: `{ relay: async (address, on) => { const third = await ipc.connect(address); const said = await third.ask(on); await ipc.close(third); return said } }`,
    })
    const [pid, said] = await remote.relay(third, x => `${process.pid} said ${x}`)
    assert.notEqual(pid, child.pid)
    assert.equal(said, `${process.pid} said 1`)
  })

  test(`${transport}: a killed connection with 1,000 open callbacks leaves nothing behind`, async t => {
    const { remote, child } = await serveElsewhereAndConnect(t, {
      address: freshAddress(transport),
      target: '{ hang: on => on().then(() => new Promise(() => {})) }',
    })
    const called = Array.from({ length: 1000 }, deferred)
    const calls = called.map(each => remote.hang(() => each.resolve()))
    const outcomes = Promise.allSettled(calls)
    await Promise.all(called.map(each => each.promise))
    assert.equal(ownedCount(), 1000)
    child.kill('SIGKILL')
    for (const { reason } of await outcomes) assert.equal(reason.code, 'unavailable')
    assert.equal(ownedCount(), 0)
  })

  test(`${transport}: who calls the callbacks of a connection that was lost is told`, async t => {
    const [begun, told] = [deferred(), deferred()]
    const { remote } = await pair(t, {
      async later(on) {
        const gone = once(ipc.context().signal, 'abort')
        begun.resolve()
        await gone
        await assert.rejects(on(), { code: 'unavailable' }) // it may be on its way when the connection ends
        await on().catch(told.resolve)
      },
    })
    const call = remote.later(() => 1)
    const cancelled = assert.rejects(call, { code: 'cancelled' })
    await begun.promise
    await ipc.close(remote)
    await cancelled
    const error = await told.promise
    assert.deepEqual(
      [error.code, error.message],
      ['unavailable', 'callback() could not be sent: the reference is gone with the connection that it came over'],
    )
  })

  test(`${transport}: many functions in one call, the same one as the same function`, async t => {
    const { remote } = await pair(t, { ...handlers, sum: async ons => (await Promise.all(ons.map(on => on()))).length })
    const on = () => 1
    assert.equal(await remote.isSame(on, on), true)
    assert.equal(await remote.isSame(on, () => 1), false)
    assert.equal(await remote.sum(Array.from({ length: 2000 }, () => () => 1)), 2000)
  })
}

test('a service of another thread calls back', async t => {
  const { Worker } = await import('node:worker_threads')
  const address = freshAddress('name')
  const worker = new Worker(
    `const ipc = require('ipcbridge')
     ipc.serve(${JSON.stringify(address)}, { each: async on => [await on(1), await on(2)] })`,
    { eval: true },
  )
  t.after(() => worker.terminate())
  const remote = await connect(t, address)
  assert.deepEqual(await remote.each(x => 2 * x), [2, 4])
})

test('keyword arguments bind to the parameters of a callback, which sees no more than it takes', async t => {
  const { remote } = await serveAndConnect(t, { ...handlers, more: on => on(1, 2, 3) })
  assert.equal(await remote.named((value, factor = 1) => value * factor), 3)
  assert.equal(await remote.more(one => one), 1)
  await assert.rejects(
    remote.named(value => value),
    { code: 'invalid_argument', message: /'factor'/ },
  )
})

test('a callback finds the asynchronous context of where it was passed, and its own call', async t => {
  const { remote } = await serveAndConnect(t, {
    call: on => ipc.withOptions(on, { metadata: { from: 'handler' }, timeout: 5000 })(),
  })
  const storage = new AsyncLocalStorage()
  const seen = await storage.run('here', () =>
    remote.call(() => {
      const { method, metadata, deadline } = ipc.context()
      return [storage.getStore(), method, metadata, deadline > 0]
    }),
  )
  assert.deepEqual(seen, ['here', 'callback', { from: 'handler' }, true])
})

test('a retained one finds the asynchronous context of where it was retained', async t => {
  const { remote } = await serveAndConnect(t, { call: on => on() })
  const storage = new AsyncLocalStorage()
  const on = storage.run('retained here', () => ipc.retain(() => storage.getStore()))
  assert.equal(await storage.run('passed here', () => remote.call(on)), 'retained here')
  assert.equal(await remote.call(on), 'retained here')
  ipc.release(on)
})

test('a timeout and a signal end the call of a callback, which hears of it', async t => {
  const aborted = deferred()
  const { remote } = await serveAndConnect(t, {
    late: on =>
      ipc
        .withOptions(on, { timeout: 20 })()
        .catch(error => [error.code, error.message.split(';')[0]]),
    abort(on) {
      const controller = new AbortController()
      const call = ipc.withOptions(on, { signal: controller.signal })()
      setImmediate(() => controller.abort())
      return call.catch(error => [error.name, error.message])
    },
  })
  const hang = () => {
    ipc.context().signal.addEventListener('abort', aborted.resolve)
    return new Promise(() => {})
  }
  assert.deepEqual(await remote.late(hang), ['deadline_exceeded', 'callback() was not answered before its deadline'])
  await aborted.promise
  assert.deepEqual(await remote.abort(() => new Promise(() => {})), ['AbortError', 'callback() was aborted'])
})

test('an aborted call takes its callbacks with it', async t => {
  const { wait, entered } = gate()
  const { remote } = await serveAndConnect(t, { wait: _on => wait() })
  const controller = new AbortController()
  const call = ipc.withOptions(remote, { signal: controller.signal }).wait(() => 1)
  await entered
  assert.equal(ownedCount(), 1)
  controller.abort()
  await assert.rejects(call, { code: 'cancelled' })
  assert.equal(ownedCount(), 0)
})

test('functions that cannot be passed are refused with what to write', async t => {
  const { remote } = await serveAndConnect(t, handlers, { serve: { onError() {} } })
  class Point {}
  await assert.rejects(remote.ignore(Point), {
    code: 'invalid_argument',
    message: /a class \(Point\): .*ipc\.proxy\(it\)/,
  })
  await assert.rejects(remote.give(), { code: 'internal', message: /send ipc\.retain\(it\)/ })
  assert.throws(() => ipc.notify(remote).ignore(() => 1), {
    code: 'invalid_argument',
    message: /pass ipc\.retain\(callback\)/,
  })
  const metadata = { on: () => 1 }
  assert.throws(() => ipc.withOptions(remote, { metadata }), {
    code: 'unimplemented',
    message: /^metadata\.on cannot be sent/,
  })
  for (const each of [() => 1, ipc.retain(() => 1), ipc.proxy({})]) {
    await assert.rejects(remote.taken(ipc.stream([each])), {
      code: 'unimplemented',
      message: /^item cannot be sent: .*references travel among arguments and in results, here they come in a later/,
    })
  }
  assert.equal(ownedCount(), 0)
})

test('what cannot be sent leaves no callback behind', async t => {
  const { remote } = await serveAndConnect(t, handlers)
  await assert.rejects(
    remote.ignore(() => 1, Symbol('x')),
    { code: 'invalid_argument' },
  )
  await assert.rejects(
    ipc.withOptions(remote, { timeout: 0 }).ignore(() => 1),
    { code: 'deadline_exceeded' },
  )
  await ipc.close(remote)
  await assert.rejects(
    remote.ignore(() => 1),
    { code: 'failed_precondition' },
  )
  assert.equal(ownedCount(), 0)
})

test('what the callback of a notification throws is logged', async t => {
  const lines = deferred()
  t.mock.method(console, 'error', (...line) => lines.resolve(line.join(' ')))
  const { wait, open } = gate()
  const { remote } = await serveAndConnect(t, {
    tell(on) {
      ipc.notify(on)()
      return wait()
    },
  })
  const call = remote.tell(() => {
    throw new RangeError('unheard')
  })
  assert.match(await lines.promise, /callback failed:.*RangeError: unheard/s)
  open()
  await call
})

test('an error about the arguments of a callback names its function', async t => {
  const { remote } = await serveAndConnect(t, {
    keyword: fn => fn(ipc.kwargs({ z: 1 })).catch(error => error.message),
  })
  const double = x => 2 * x
  assert.match(await remote.keyword(double), /^double\(x\) has no parameter 'z'/)
  assert.match(
    await remote.keyword(
      (
        () => x =>
          x
      )(),
    ),
    /^callback\(x\) has no parameter 'z'/,
  )
})
