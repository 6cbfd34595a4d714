// ipc.sync() blocks the thread until a call is over.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import ipc from 'ipcbridge'
import { connect, serve, serveElsewhere } from './support/endpoints.mjs'
import { freshAddress, freshName } from './support/names.mjs'

const target = `(() => {
  let ended = 0
  let flooded, release
  const flooding = new Promise(resolve => { release = resolve })
  return {
    add: (a, b = 0) => a + b,
    math: { twice: x => 2 * x },
    fail() { throw new TypeError('no') },
    hang: () => new Promise(() => {}),
    exit: () => process.exit(),
    each: async (count, on) => { const got = []; for (let i = 0; i < count; i++) got.push(await on(i)); return got },
    *rows(count) { try { for (let i = 0; i < count; i++) yield i } finally { ended++ } },
    async *stalls() { yield 1; await new Promise(() => {}) },
    *fails() { yield 1; throw new RangeError('over') },
    async *doubled(count, on) { for (let i = 0; i < count; i++) yield await on(i) },
    ended: () => ended,
    total: async numbers => { let sum = 0; for await (const n of numbers) sum += n; return sum },
    callBack: (size = 0) => ipc.context().peer.remote.offered('x'.repeat(size)),
    callOther: async (name, method) => { const other = await ipc.connect(name); try { return await other[method]() } finally { await ipc.close(other) } },
    flood: async (count, size) => {
      const { remote } = ipc.context().peer
      const all = async () => {
        await flooding
        return Promise.all(Array.from({ length: count }, (_, i) => remote.take(i, 'x'.repeat(size))))
      }
      flooded = all()
    },
    release: () => {
      release()
      return new Promise(resolve => setImmediate(resolve))
    },
    settled: async () => (await flooded).join(),
  }
})()`

for (const transport of ['shm', 'unix']) {
  const elsewhere = async (t, options) => {
    const address = freshAddress(transport)
    const child = await serveElsewhere(t, address, { target })
    return { address, child, remote: await connect(t, address, options) }
  }

  test(`${transport}: a call returns its result, and throws its error`, async t => {
    const { remote } = await elsewhere(t)
    const calc = ipc.sync(remote)
    assert.equal(calc.add(2, 3), 5)
    assert.equal(calc.add(ipc.kwargs({ a: 2, b: 5 })), 7)
    assert.equal(calc.math.twice(4), 8)
    assert.equal(ipc.call(calc, 'add', [1], { b: 2 }), 3)
    assert.throws(() => ipc.call(calc, 'none'), { code: 'unimplemented' })
    assert.throws(() => calc.add(1, new WeakMap()), { code: 'invalid_argument' })
    const fail = () => calc.fail()
    assert.throws(fail, error => {
      assert.ok(error instanceof ipc.RemoteError)
      assert.match(error.stack, /^RemoteError: TypeError: no\n {4}at fail .*sync\.test\.mjs/)
      return true
    })
    assert.equal(await remote.add(1, 1), 2, 'the service itself is as it was')
  })

  test(`${transport}: functions among the arguments are called back`, async t => {
    const { remote } = await elsewhere(t)
    const calc = ipc.sync(remote)
    const [seen, retained] = [[], ipc.retain(i => -i)]
    assert.deepEqual(
      calc.each(3, i => seen.push(i)),
      [1, 2, 3],
    )
    assert.deepEqual(seen, [0, 1, 2])
    assert.deepEqual(calc.each(2, retained), [-0, -1])
    assert.deepEqual(
      calc.each(2, i => calc.each(2, j => calc.add(10 * i, j))),
      [
        [0, 1],
        [10, 11],
      ],
      'one that blocks the thread again',
    )
    const why = { name: 'RemoteError', code: 'failed_precondition', message: /while ipc\.sync\(\) blocks the thread/ }
    assert.throws(() => calc.each(1, async i => i), why)
    assert.throws(() => calc.each(1, () => [1].values() && (function* () {})()), why)
    assert.throws(
      () =>
        calc.each(1, () => {
          throw new RangeError('mine')
        }),
      { type: 'RangeError' },
    )
    ipc.release(retained)
  })

  test(`${transport}: a stream is iterated`, async t => {
    const { remote } = await elsewhere(t)
    const calc = ipc.sync(remote)
    assert.deepEqual([...calc.rows(3)], [0, 1, 2])
    assert.equal(calc.rows(50_000).toArray().length, 50_000)
    assert.deepEqual([...calc.doubled(3, i => 2 * i)], [0, 2, 4], 'with callbacks meanwhile')
    const seen = []
    assert.throws(
      () => {
        for (const item of calc.fails()) seen.push(item)
      },
      { type: 'RangeError' },
    )
    assert.deepEqual(seen, [1])
    const before = calc.ended()
    for (const row of calc.rows(1e9)) if (row === 10) break
    calc.rows(1e9).close()
    while (calc.ended() < before + 2);
    const rows = calc.rows(2)
    assert.equal(rows[Symbol.iterator]().next().value, 0)
    assert.throws(() => [...rows], { code: 'failed_precondition' })
    rows.close()
    assert.deepEqual(await (await remote.rows(2)).toArray(), [0, 1], 'the service itself streams as it did')
  })

  test(`${transport}: a stream among the arguments is sent, unless it needs the event loop`, async t => {
    const calc = ipc.sync((await elsewhere(t)).remote)
    assert.equal(calc.total(ipc.stream([1, 2, 3])), 6)
    let ended = 0
    const numbers = function* (count) {
      try {
        for (let i = 0; i < count; i++) yield 1
      } finally {
        ended++
      }
    }
    assert.equal(calc.total(numbers(50_000)), 50_000)
    const asynchronous = (async function* () {})()
    assert.throws(() => calc.total(asynchronous), { code: 'failed_precondition', message: /blocks the thread/ })
    assert.deepEqual(await asynchronous.next(), { done: true, value: undefined }, 'it has been ended')
    assert.equal(ended, 1)
  })

  test(`${transport}: what comes meanwhile waits, in order, and is not lost`, async t => {
    const taken = []
    const take = (i, text) => {
      taken.push(i)
      return text.length
    }
    const offered = { take }
    const { remote } = await elsewhere(t, { serve: offered })
    await remote.flood(40, 10_000)
    const before = remote.add(1, 1)
    ipc.sync(remote).release()
    assert.equal(ipc.sync(remote).each(1, () => taken.length)[0], 0, 'nobody is called meanwhile')
    for (let i = 0; i < 500; i++) assert.equal(ipc.sync(remote).add(i, 1), i + 1)
    assert.deepEqual(taken, [])
    assert.equal(await before, 2)
    assert.equal(await remote.settled(), Array(40).fill(10_000).join())
    assert.deepEqual(
      taken,
      Array.from({ length: 40 }, (_, i) => i),
    )
  })

  test(`${transport}: messages of a megabyte wait as well`, async t => {
    const sizes = []
    const offered = { take: (_, text) => sizes.push(text.length) }
    const { remote } = await elsewhere(t, { serve: offered })
    await remote.flood(3, 1 << 20)
    ipc.sync(remote).release()
    for (let i = 0; i < 100; i++) ipc.sync(remote).add(i)
    await remote.settled()
    assert.deepEqual(sizes, [1 << 20, 1 << 20, 1 << 20])
  })

  test(`${transport}: what would wait for the blocked thread is refused at once`, async t => {
    const { remote } = await elsewhere(t, { serve: { offered: _text => 'here' } })
    const calc = ipc.sync(remote)
    const why = { code: 'failed_precondition', message: /would wait for itself/ }
    assert.throws(() => calc.callBack(), why)
    assert.throws(() => calc.callBack(100_000), why, 'with arguments that come in a message of their own')
    assert.equal(await remote.callBack(), 'here')
    const own = freshAddress(transport)
    await serve(t, own, { here: () => 'here' })
    assert.throws(() => calc.callOther(own, 'here'), why, 'by another service')
    assert.equal(await remote.callOther(own, 'here'), 'here')
    assert.throws(() => ipc.sync(remote).each(1, () => calc.callBack()), why, 'nested')
  })

  test(`${transport}: a service that this thread serves cannot be called so`, async t => {
    const address = freshAddress(transport)
    await serve(t, address, { add: (a, b) => a + b })
    const remote = await connect(t, address)
    assert.throws(() => ipc.sync(remote).add(1, 2), { code: 'failed_precondition', message: /would wait for itself/ })
    assert.equal(await remote.add(1, 2), 3)
  })

  test(`${transport}: the service that dies, the time that passes and the signal end it`, async t => {
    const { remote, child } = await elsewhere(t)
    const calc = ipc.sync(remote)
    assert.throws(() => ipc.withOptions(calc, { timeout: 20 }).hang(), { code: 'deadline_exceeded', sent: 'maybe' })
    const idle = ipc.withOptions(calc, { idleTimeout: 20 })
    const controller = new AbortController()
    assert.throws(() => ipc.withOptions(calc, { signal: AbortSignal.abort() }).add(1), { name: 'AbortError' })
    assert.throws(() => ipc.withOptions(calc, { signal: controller.signal }).each(3, () => controller.abort()), {
      name: 'AbortError',
      code: 'cancelled',
    })
    assert.throws(() => [...idle.stalls()], { code: 'deadline_exceeded', message: /within the idleTimeout of 20 ms/ })
    const short = ipc.withOptions(calc, { timeout: 50 })
    assert.throws(() => [...short.stalls()], { code: 'deadline_exceeded', message: /within the timeout of 50 ms/ })
    assert.throws(() => calc.exit(), { code: 'unavailable', sent: 'maybe' })
    await child.ended
  })

  test(`${transport}: a callback and an object of the other side's are called so, too`, async t => {
    const address = freshAddress(transport)
    const child = `{ callback: () => ipc.retain(x => 2 * x), counter: () => { let n = 0; return ipc.proxy({ next: () => ++n }) } }`
    await serveElsewhere(t, address, { target: child })
    const remote = await connect(t, address)
    const callback = ipc.sync(await remote.callback())
    assert.equal(callback(4), 8)
    const counter = ipc.sync(ipc.sync(remote).counter())
    assert.equal(counter.next(), 1)
    assert.equal(counter.next(), 2)
    assert.equal(ipc.call(counter, 'next'), 3)
  })
}

test('where no timeout is given it ends after thirty seconds, for a call as for an item', async t => {
  const address = freshName()
  await serveElsewhere(t, address, { target })
  const calc = ipc.sync(await connect(t, address))
  const now = performance.now.bind(performance)
  let passed = 0
  t.mock.method(performance, 'now', () => now() + passed)
  const limit = { code: 'deadline_exceeded', sent: 'maybe', message: /was not answered within the 30 s / }
  const called = []
  const on = i => {
    called.push(i)
    passed = [0, 20_000, 31_000, 31_000][i]
  }
  assert.throws(() => calc.each(4, on), limit)
  assert.deepEqual(called, [0, 1, 2])

  const rows = calc.stalls()[Symbol.iterator]()
  assert.equal(rows.next().value, 1)
  t.mock.method(performance, 'now', () => {
    passed += 5_000 // with each look at the clock
    return now() + passed
  })
  assert.throws(() => rows.next(), limit)
})

test('a handler may block its thread, while others wait', async t => {
  const [address, own] = [freshName(), freshName()]
  await serveElsewhere(t, address, { target })
  const remote = await connect(t, address)
  const order = []
  await serve(t, own, {
    blocked: i => {
      const result = ipc.sync(remote).add(i, 100)
      order.push(i)
      return result
    },
    plain: i => order.push(i),
  })
  const caller = await connect(t, own)
  const calls = [0, 1, 2, 3, 4, 5].map(i => (i % 2 === 0 ? caller.blocked(i) : caller.plain(i)))
  assert.deepEqual(
    (await Promise.all(calls)).filter(result => result >= 100),
    [100, 102, 104],
  )
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5])
})

test('promises, timers and state listeners wait until the thread is back', async t => {
  const address = freshName()
  const child = await serveElsewhere(t, address, { target })
  const remote = await connect(t, address)
  const order = []
  setTimeout(() => order.push('timer'), 0)
  Promise.resolve().then(() => order.push('promise'))
  const lost = new Promise(resolve => ipc.onState(remote, state => resolve(order.push(state))))
  assert.throws(() => ipc.sync(remote).exit(), { code: 'unavailable' })
  order.push('back')
  await lost
  assert.deepEqual(order.slice(0, 2), ['back', 'promise'])
  assert.ok(order.includes('reconnecting'))
  await child.ended
})

test('a worker that is blocked can be terminated', async t => {
  const address = freshName()
  await serveElsewhere(t, address, { target })
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    const ipc = require('node:module').createRequire(${JSON.stringify(import.meta.url)})('ipcbridge')
    ipc.connect(workerData).then(remote => {
      ipc.sync(remote).each(1, () => parentPort.postMessage('blocked'))
      ipc.sync(remote).hang()
    })`
  const worker = new Worker(program, { eval: true, workerData: address })
  await once(worker, 'message')
  assert.equal(await worker.terminate(), 1)
})

test('other things than a service are refused', async t => {
  assert.throws(() => ipc.sync({}), { code: 'invalid_argument', message: /sync\(service\)\.method\(\)/ })
  const server = await serve(t, freshName(), { add: () => 1 })
  assert.throws(() => ipc.sync(server), { code: 'invalid_argument' })
})
