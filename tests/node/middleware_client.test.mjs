// Middleware around the calls of a client: what next() gives there, and how calls are sent.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { connect, deferred, gate, serve, serveAndConnect, serveElsewhere } from './support/endpoints.mjs'
import { both, target } from './support/middleware.mjs'
import { freshName } from './support/names.mjs'

test('on the calling side next() gives a Call, whatever comes next', async t => {
  const isCall = []
  const look = (call, next) => {
    const result = next(call)
    isCall.push(result instanceof ipc.Call)
    return result
  }
  const answers = [async (call, next) => next(call), () => 3, async () => 3]
  for (const inner of answers) {
    const { remote } = await serveAndConnect(t, target, { connect: { middleware: [look, inner, look] } })
    const call = remote.add(1, 2)
    assert(call instanceof ipc.Call)
    assert.equal(await call, 3)
  }
  const refuse = () => {
    throw new ipc.IpcError('aborted', 'no')
  }
  const { remote } = await serveAndConnect(t, target, { connect: { middleware: [look, refuse] } })
  await assert.rejects(remote.add(1), { code: 'aborted' })
  assert(isCall.every(Boolean))
})

test('aborting a call with an async middleware tells the handler', async t => {
  const { wait, entered } = gate()
  const told = deferred()
  const handler = () => {
    ipc.context().signal.addEventListener('abort', told.resolve)
    return wait()
  }
  const middleware = async (call, next) => await next(call)
  const { remote } = await serveAndConnect(t, { handler }, both(middleware))
  const controller = new AbortController()
  const call = ipc.withOptions(remote, { signal: controller.signal }).handler()
  await entered
  controller.abort()
  await assert.rejects(call, { name: 'AbortError' })
  await told.promise
})

test('an async middleware sends a notification later, and what fails then is logged', async t => {
  const lines = []
  const logged = deferred()
  t.mock.method(console, 'error', (...parts) => {
    lines.push(parts.join(' '))
    logged.resolve()
  })
  const { promise, resolve } = deferred()
  const later = async (call, next) => {
    await turn()
    if (call.args.length === 0) throw new ipc.IpcError('permission_denied', 'not for you')
    return next(call)
  }
  const { remote } = await serveAndConnect(t, { tell: resolve }, { connect: { middleware: later } })
  assert.equal(ipc.notify(remote).tell(5), true)
  assert.equal(await promise, 5)
  assert.equal(ipc.notify(remote).tell(), true)
  await logged.promise
  assert.match(lines.join('\n'), /the notification tell was not sent: .*not for you/)
  const { remote: refused } = await serveAndConnect(t, target, {
    connect: {
      middleware: () => {
        throw new ipc.IpcError('permission_denied', 'not for you')
      },
    },
  })
  assert.throws(() => ipc.notify(refused).add(1), { code: 'permission_denied' })
})

test('ipc.sync passes plain middleware, and refuses what would have to be awaited', async t => {
  const seen = []
  const look = (call, next) => {
    call.metadata.a = 1
    const result = next(call)
    seen.push(result)
    return result
  }
  const address = freshName()
  await serveElsewhere(t, address, { target: '{ see: () => ipc.context().metadata }' })
  const remote = await connect(t, address, { middleware: look })
  assert.deepEqual(ipc.sync(remote).see(), { a: 1 })
  assert.deepEqual(ipc.call(ipc.sync(remote), 'see'), { a: 1 })
  assert.deepEqual(seen, [{ a: 1 }, { a: 1 }])
  const late = await connect(t, address, { middleware: async (call, next) => next(call) })
  assert.throws(() => ipc.sync(late).see(), { code: 'failed_precondition', message: /is async/ })
})

test('the middleware of a client that serves is around its calls alone', async t => {
  const sides = []
  const look = (call, next) => {
    sides.push(call.side)
    return next(call)
  }
  const address = freshName()
  const server = await serve(t, address, target)
  const remote = await connect(t, address, { serve: { hear: a => a }, middleware: look })
  assert.equal(await server.peers[0].hear(1), 1)
  assert.equal(await remote.add(1), 1)
  assert.deepEqual(sides, ['client'])
})
