import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import ipc from 'ipcbridge'
import { connect, deferred, serve, serveAndConnect, serveElsewhereAndConnect } from './support/endpoints.mjs'
import { freshAddress, transports } from './support/names.mjs'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

for (const transport of [...transports, 'inproc']) {
  const pair = (t, target, options) => serveAndConnect(t, target, { address: freshAddress(transport), ...options })

  test(`${transport}: a call returns what the function returns`, async t => {
    const { remote } = await pair(t, { add: (a, b = 0) => a + b })
    assert.equal(await remote.add(2, 3), 5)
    assert.equal(await remote.add(2), 2)
  })

  test(`${transport}: async functions are waited for`, async t => {
    const { remote } = await pair(t, { later: async x => x * 2 })
    assert.equal(await remote.later(21), 42)
  })

  test(`${transport}: any thenable is waited for`, async t => {
    // biome-ignore lint/suspicious/noThenProperty: it is what this is about
    const { remote } = await pair(t, { thenable: () => ({ then: resolve => resolve('done') }) })
    assert.equal(await remote.thenable(), 'done')
  })

  test(`${transport}: a function without a result gives null`, async t => {
    const { remote } = await pair(t, { nothing() {} })
    assert.equal(await remote.nothing(), null)
  })

  test(`${transport}: large values go there and back`, async t => {
    const { remote } = await pair(t, { echo: x => x })
    for (const size of [100, 16_000, 17_000, 300_000, 5_000_000]) {
      const bytes = Buffer.alloc(size, size % 251)
      assert.ok(bytes.equals(await remote.echo(bytes)), `${size} bytes`)
      const text = 'ä'.repeat(size)
      assert.equal(await remote.echo(text), text)
    }
  })

  test(`${transport}: bytes received are the receiver's own`, async t => {
    const kept = []
    const { remote } = await pair(t, { keep: x => kept.push(x) && x })
    const results = await Promise.all([1, 2, 3, 4].map(n => remote.keep(Buffer.alloc(10, n))))
    await Promise.all([1, 2, 3, 4].map(() => remote.keep(Buffer.alloc(10, 9))))
    assert.deepEqual(
      [...results, ...kept.slice(0, 4)].map(bytes => bytes[0]),
      [1, 2, 3, 4, 1, 2, 3, 4],
    )
  })

  test(`${transport}: thousands of calls in flight each get their own answer`, async t => {
    const { remote } = await pair(t, { echo: x => x, later: async x => x })
    const calls = Array.from({ length: 20_000 }, (_, i) => (i % 2 ? remote.echo(i) : remote.later(i)))
    assert.deepEqual(
      await Promise.all(calls),
      calls.map((_, i) => i),
    )
  })

  test(`${transport}: many large calls in flight do not block each other`, async t => {
    const { remote } = await pair(t, { size: x => x.length })
    const bytes = Buffer.alloc(1_000_000)
    const sizes = await Promise.all(Array.from({ length: 100 }, () => remote.size(bytes)))
    assert.ok(sizes.every(size => size === bytes.length))
  })

  test(`${transport}: calls overlap and finish in any order`, async t => {
    const gate = deferred()
    const { remote } = await pair(t, {
      wait: () => gate.promise,
      quick: () => 'quick',
      open: () => gate.resolve('open'),
    })
    const waiting = remote.wait()
    assert.equal(await remote.quick(), 'quick')
    await remote.open()
    assert.equal(await waiting, 'open')
  })

  test(`${transport}: two services call each other back without end`, async t => {
    const there = freshAddress(transport)
    const back = freshAddress(transport)
    const ends = {}
    await serve(t, there, { down: n => (n === 0 ? 'bottom' : ends.back.up(n - 1)) })
    const { remote } = await serveAndConnect(
      t,
      { up: n => (n === 0 ? 'top' : ends.there.down(n - 1)) },
      { address: back },
    )
    ends.back = remote
    ends.there = await connect(t, there)
    assert.equal(await ends.there.down(100), 'bottom')
    assert.equal(await ends.there.down(101), 'top')
  })
}

for (const transport of transports) {
  test(`${transport}: a service in another process answers`, async t => {
    const { child, remote } = await serveElsewhereAndConnect(t, { address: freshAddress(transport) })
    assert.equal(await remote.pid(), child.pid)
    const { transport: used, peer } = ipc.status(remote)
    assert.equal(used, transport === 'unix' ? 'unix' : 'shm')
    assert.equal(peer.pid, child.pid)
    for (let i = 0; i < 2000; i++) assert.equal(await remote.echo(i), i)
    const calls = Array.from({ length: 10_000 }, (_, i) => remote.echo(i))
    assert.deepEqual(
      await Promise.all(calls),
      calls.map((_, i) => i),
    )
  })
}

test('trailing undefined arguments are dropped, others arrive as null', async t => {
  const { remote } = await serveAndConnect(t, { list: (...args) => args })
  assert.deepEqual(await remote.list(undefined, 1, undefined), [null, 1])
})

test('a call is sent when it is made, not when it is awaited', async t => {
  const seen = deferred()
  const { remote } = await serveAndConnect(t, { mark: x => seen.resolve(x) && null })
  remote.mark('here').catch(() => {})
  assert.equal(await seen.promise, 'here')
})

test('a call is a Call and a Promise', async t => {
  const { remote } = await serveAndConnect(t, { one: () => 1 })
  const call = remote.one()
  assert.ok(call instanceof ipc.Call)
  assert.ok(call instanceof Promise)
  assert.equal(await call.then(x => x + 1), 2)
  assert.equal(await call.finally(() => {}), 1)
})

test('iterating what is no stream rejects with failed_precondition', async t => {
  const { remote } = await serveAndConnect(t, { one: () => 1 })
  await assert.rejects(
    async () => {
      for await (const _ of remote.one());
    },
    { code: 'failed_precondition' },
  )
})

test('call() reaches any name, with keyword arguments', async t => {
  const { remote } = await serveAndConnect(t, {
    // biome-ignore lint/suspicious/noThenProperty: it is what this is about
    then: (a, b) => [a, b],
    math: { add: (a, b) => a + b },
  })
  assert.deepEqual(await ipc.call(remote, 'then', [1], { b: 2 }), [1, 2])
  assert.equal(await ipc.call(remote, 'math.add', [1, 2]), 3)
  assert.equal(await ipc.call(remote.math, 'add', [1, 2]), 3)
})

test('call() keeps no names that the service does not offer', async t => {
  const { remote } = await serveAndConnect(t, { echo: x => x })
  let count = 0
  const collect = async () => {
    await new Promise(setImmediate) // these calls fail at once, so that nothing else ends the current job
    gc()
  }
  const callWhatIsNotThere = async () => {
    for (let i = 0; i < 3000; i++) {
      await assert.rejects(ipc.call(remote, `${count++}${'x'.repeat(10_000)}`), { code: 'unimplemented' })
      if (i % 100 === 99) await collect() // else what is only not collected yet is measured
    }
    return process.memoryUsage().rss / 1e6
  }
  const before = await callWhatIsNotThere() // what the heap takes in any case
  const after = await callWhatIsNotThere()
  assert.ok(after - before < 30, `${before} MB, then ${after} MB`)
})

test('a notification arrives, and says that it was taken', async t => {
  const seen = deferred()
  const { remote } = await serveAndConnect(t, { log: x => seen.resolve(x) })
  assert.equal(ipc.notify(remote).log('hello'), true)
  assert.equal(await seen.promise, 'hello')
})

test('thousands of notifications arrive in order', async t => {
  const seen = []
  const { remote } = await serveAndConnect(t, { log: x => void seen.push(x), count: () => seen.length })
  const quiet = ipc.notify(remote)
  for (let i = 0; i < 5000; i++) quiet.log(i)
  assert.equal(await remote.count(), 5000)
  assert.deepEqual(
    seen,
    Array.from({ length: 5000 }, (_, i) => i),
  )
})

test('integers beyond 2^53 arrive as int64 says', async t => {
  const echo = { echo: x => x }
  const { remote } = await serveAndConnect(t, echo)
  assert.equal(await remote.echo(2n ** 60n), 2n ** 60n)
  const address = freshAddress('name')
  const { remote: big } = await serveAndConnect(t, echo, { address, connect: { int64: 'bigint' } })
  assert.equal(await big.echo(1), 1n)
  const { remote: strict } = await serveAndConnect(t, echo, {
    address: freshAddress('name'),
    connect: { int64: 'error' },
  })
  await assert.rejects(strict.echo(2n ** 60n), { code: 'out_of_range' })
})
