// Where context() finds the call that a handler serves.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { run } from './support/children.mjs'
import { deferred, gate, serveAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

const who = () => ipc.context().metadata.who
const as = (remote, name) => ipc.withOptions(remote, { metadata: { who: name } })
const names = Array.from({ length: 50 }, (_, i) => `caller ${i}`)

const handlers = {
  async 'an async function after an await'() {
    await null
    return who()
  },
  async 'an async function after a timer'() {
    await sleep(1)
    return who()
  },
  'a function that returns a promise': () => sleep(1).then(who),
  'a callback of an asynchronous function': () =>
    new Promise((resolve, reject) => {
      readFile(new URL(import.meta.url), error => {
        if (error) reject(error)
        else resolve(who())
      })
    }),
  async 'the helper of a helper'() {
    const inner = async () => {
      await null
      return who()
    }
    const outer = async () => {
      await sleep(1)
      return await inner()
    }
    return outer()
  },
}

for (const [where, handler] of Object.entries(handlers)) {
  test(`context() finds its own call in ${where}, from the first call on`, async t => {
    const { remote } = await serveAndConnect(t, { handler })
    assert.deepEqual(await Promise.all(names.map(name => as(remote, name).handler())), names)
  })
}

for (const [kind, rows] of Object.entries({
  'an async generator': async function* rows() {
    for (let i = 0; i < 3; i++) {
      await sleep(1)
      yield who()
      await null
      yield who()
    }
  },
  'a generator': function* rows() {
    for (let i = 0; i < 6; i++) yield who()
  },
})) {
  test(`context() finds its own call all through ${kind}`, async t => {
    const { remote } = await serveAndConnect(t, { rows })
    const all = await Promise.all(names.map(async name => (await as(remote, name).rows()).toArray()))
    for (const [i, items] of all.entries()) assert.deepEqual(items, Array(6).fill(names[i]))
  })
}

test('context() is found in what an async generator does when it is ended', async t => {
  const ended = deferred()
  const { remote } = await serveAndConnect(t, {
    async *rows() {
      try {
        for (;;) yield 1
      } finally {
        await sleep(1)
        ended.resolve(who())
      }
    },
  })
  for await (const row of as(remote, 'ada').rows()) {
    assert.equal(row, 1)
    break
  }
  assert.equal(await ended.promise, 'ada')
})

test('context() is found in what a handler has begun when it has answered', async t => {
  const seen = deferred()
  const { remote } = await serveAndConnect(t, {
    async begin() {
      setTimeout(() => seen.resolve(ipc.context()), 5)
    },
    other: async () => {},
  })
  await as(remote, 'ada').begin()
  for (const name of names) await as(remote, name).other()
  const { metadata, method, deadline, signal } = await seen.promise
  assert.deepEqual(
    { metadata, method, deadline, aborted: signal.aborted },
    { metadata: { who: 'ada' }, method: 'begin', deadline: null, aborted: false },
  )
})

test('context() is the same object after an await', async t => {
  const { remote } = await serveAndConnect(t, {
    async same() {
      const before = ipc.context()
      await null
      return before === ipc.context()
    },
  })
  assert.equal(await remote.same(), true)
})

test('a handler that asks only when its caller has given up finds its signal aborted', async t => {
  const { wait, entered, open } = gate()
  const told = deferred()
  const handlers = {
    async late() {
      await wait()
      told.resolve(ipc.context().signal.aborted)
    },
    open,
  }
  const { remote } = await serveAndConnect(t, handlers)
  const controller = new AbortController()
  const call = ipc.withOptions(remote, { signal: controller.signal }).late()
  await entered
  controller.abort()
  await assert.rejects(call, { name: 'AbortError' })
  await remote.open() // arrives after the cancellation
  assert.equal(await told.promise, true)
})

test('context() is refused where no call is served', async t => {
  assert.throws(() => ipc.context(), { code: 'failed_precondition', message: /in a handler/ })
  const later = deferred()
  const { remote } = await serveAndConnect(t, {
    plain() {
      return 1
    },
    async asynchronous() {},
    wake: () => later.resolve(),
  })
  const refused = assert.rejects(
    later.promise.then(() => ipc.context()),
    { code: 'failed_precondition' },
  )
  await remote.asynchronous()
  await remote.plain()
  assert.throws(() => ipc.context(), { code: 'failed_precondition' })
  await remote.wake()
  await refused
})

test('a plain handler finds its own call also between asynchronous ones', async t => {
  const { wait, open } = gate()
  const { remote } = await serveAndConnect(t, {
    plain: () => who(),
    async later() {
      await wait()
      return who()
    },
  })
  const waiting = names.map(name => as(remote, name).later())
  for (const name of [...names].reverse()) assert.equal(await as(remote, name).plain(), name)
  open()
  assert.deepEqual(await Promise.all(waiting), names)
})

test('a handler closes its own server after an await, without waiting for itself', async t => {
  const { server, remote } = await serveAndConnect(t, {
    async stop() {
      await sleep(1)
      await server.close()
      return 'closed'
    },
  })
  assert.equal(await remote.stop(), 'closed')
})

test('a stack shows nothing of how a handler finds its call', async t => {
  const { remote } = await serveAndConnect(
    t,
    {
      async fail() {
        throw new Error('it broke')
      },
    },
    { serve: { onError() {} } },
  )
  await assert.rejects(remote.fail(), error => {
    assert.doesNotMatch(error.remoteStack, /async_hooks|AsyncLocalStorage|js.dist/)
    return true
  })
})

test('a service of plain functions leaves no hooks in its process', async t => {
  const { code, stdout, stderr } = await run(
    t,
    `
    const stack = () => new Error().stack
    const server = await ipc.serve(argv.name, { stack, other: () => 1 })
    const remote = await ipc.connect(argv.name)
    await remote.stack()
    await remote.other()
    console.log(await remote.stack())
    await ipc.close(remote)
    await server.close()
    `,
    { argv: { name: freshName() } },
  )
  assert.equal(code, 0, stderr)
  assert.doesNotMatch(stdout, /async_hooks/)
})
