// What middleware sees and sends of the call that is served when its own is made.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'
import { target } from './support/middleware.mjs'

test('what is inherited is seen, and may be taken away, also after an await in a plain handler', async t => {
  const seen = []
  const look = async (call, next) => {
    await turn()
    seen.push({ ...call.metadata })
    delete call.metadata.b
    return next(call)
  }
  const { remote: inner } = await serveAndConnect(t, target, { connect: { middleware: look } })
  const { remote: outer } = await serveAndConnect(t, { ask: () => inner.see() })
  const marked = ipc.withOptions(outer, { metadata: { a: 1, b: 2, c: 3 }, passOn: ['a', 'b'] })
  assert.deepEqual(await marked.ask(), { a: 1 })
  assert.deepEqual(seen, [{ a: 1, b: 2 }])
})

test('what a middleware adds is not passed on, what was marked still is', async t => {
  const add = (call, next) => {
    call.metadata.mine = true
    return next(call)
  }
  const { remote: inner } = await serveAndConnect(t, target)
  const service = { ask: async () => [ipc.context().metadata, await inner.see()] }
  const { remote } = await serveAndConnect(t, service, { connect: { middleware: add } })
  const marked = ipc.withOptions(remote, { metadata: { a: 1 }, passOn: ['a'] })
  assert.deepEqual(await marked.ask(), [{ a: 1, mine: true }, { a: 1 }])
})

test('the deadline of the call that is served bounds those that an async middleware makes later', async t => {
  const { remote: inner } = await serveAndConnect(
    t,
    { left: () => ipc.context().deadline },
    { connect: { middleware: async (call, next) => turn().then(() => next(call)) } },
  )
  const { remote } = await serveAndConnect(t, { ask: () => inner.left() })
  const left = await ipc.withOptions(remote, { timeout: 50_000 }).ask()
  assert(left > 0 && left <= 50_000)
})
