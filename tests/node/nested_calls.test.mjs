// How many calls may wait for one another, and what counts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { deferred, serveAndConnect } from './support/endpoints.mjs'

const most = 128
const quiet = { serve: { onError() {} } }
const endless = { code: 'resource_exhausted', message: /was not sent: 128 calls wait for one another already/ }

/** A service that calls itself as its method says. */
async function recursive(t, call, options = quiet) {
  const counter = { deepest: 0 }
  const { remote } = await serveAndConnect(
    t,
    {
      again(n, ...args) {
        counter.deepest = Math.max(counter.deepest, n)
        return call(remote, n + 1, ...args)
      },
    },
    options,
  )
  return { remote, counter }
}

const ways = {
  'at once': (remote, n) => remote.again(n),
  'after an await': async (remote, n) => {
    await null
    return await remote.again(n)
  },
  'with metadata that go on': (remote, n) =>
    ipc.withOptions(remote, { metadata: { tenant: 'acme' }, passOn: ['tenant'] }).again(n),
  'through a generator': async function* (remote, n) {
    yield* await remote.again(n)
  },
}

for (const [how, call] of Object.entries(ways)) {
  test(`a service that calls itself without end, ${how}, is told so`, async t => {
    const { remote, counter } = await recursive(t, call)
    const use = async () => {
      const result = await remote.again(0)
      await result.toArray?.()
    }
    await assert.rejects(use(), endless)
    assert.equal(counter.deepest, most - 1)
    counter.deepest = 0
    await assert.rejects(use(), endless)
    assert.equal(counter.deepest, most - 1, 'the next call counts anew')
  })
}

test('the count goes on where a middleware changes the metadata', async t => {
  const middleware = (call, next) => {
    call.metadata = { own: 1 }
    return next(call)
  }
  const { remote, counter } = await recursive(t, ways['at once'], { ...quiet, connect: { middleware } })
  await assert.rejects(remote.again(0), endless)
  assert.equal(counter.deepest, most - 1)
})

test('callbacks count', async t => {
  const { remote } = await serveAndConnect(t, { run: fn => fn() }, quiet)
  let calls = 0
  const again = () => {
    calls++
    return remote.run(again)
  }
  await assert.rejects(remote.run(again), endless)
  assert.equal(calls, most / 2)
})

test('as many calls as there may be give their result, and their handlers see no metadata of it', async t => {
  const { remote } = await serveAndConnect(t, {
    down: n => (n === 1 ? ipc.context().metadata : remote.down(n - 1)),
  })
  assert.deepEqual(await remote.down(most), {})
  await assert.rejects(remote.down(most + 1), endless)
})

test('notifications, and what a handler has left behind, count anew', async t => {
  const { promise, resolve } = deferred()
  const { promise: left, resolve: leave } = deferred()
  const { remote } = await serveAndConnect(t, {
    note: n => (n === 0 ? resolve(ipc.context().metadata) : void ipc.notify(remote).note(n - 1)),
    async leave(n) {
      if (n === 0) return leave(n)
      setTimeout(() => remote.leave(n - 1), 0)
    },
  })
  ipc.notify(remote).note(3 * most)
  assert.deepEqual(await promise, {})
  await remote.leave(3 * most)
  assert.equal(await left, 0)
})
