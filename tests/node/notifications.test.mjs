// notify(): whether a call was taken, and what becomes of those that were not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { connect, deferred, lose, serveElsewhereAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

/** A client of a service that has gone, with room for some calls to wait. */
async function leftAlone(t, options) {
  const { address, child } = await serveElsewhereAndConnect(t)
  const remote = await connect(t, address, options)
  await lose(child, remote)
  return remote
}

test('a notification for which the queue has no room is not taken, counted, and told of once a second', async t => {
  const lines = []
  t.mock.method(console, 'error', line => lines.push(line))
  const remote = await leftAlone(t, { maxQueuedBytes: 10_000 })
  const quiet = ipc.notify(remote)
  const taken = []
  for (let i = 0; i < 5; i++) taken.push(quiet.echo('x'.repeat(3000)))
  assert.deepEqual(taken, [true, true, true, false, false])
  assert.equal(ipc.status(remote).droppedNotifications, 2)
  assert.equal(lines.length, 1)
  assert.match(lines[0], /a notification was dropped: the queue of calls is full/)
  await assert.rejects(remote.echo('x'.repeat(3000)), { code: 'resource_exhausted' })
})

test('a notification that will not wait is not taken while nobody is there', async t => {
  t.mock.method(console, 'error', () => {})
  const remote = await leftAlone(t)
  assert.equal(ipc.notify(ipc.withOptions(remote, { waitForReady: false })).echo(1), false)
  assert.equal(ipc.status(remote).droppedNotifications, 1)
})

test('a notification that is over the limit by itself is an error', async t => {
  const name = freshName()
  const server = await ipc.serve(name, { echo: x => x }, { limits: { maxMessageBytes: 10_000 } })
  t.after(() => server.close())
  const remote = await connect(t, name)
  assert.throws(() => ipc.notify(remote).echo('x'.repeat(20_000)), { code: 'resource_exhausted' })
  assert.equal(ipc.status(remote).droppedNotifications, 0)
})

test('what the handler of a notification returns need not be sent', async t => {
  const told = deferred()
  const name = freshName()
  const server = await ipc.serve(name, { timer: () => told.resolve() ?? Symbol('x') }, { onError: told.reject })
  t.after(() => server.close())
  const remote = await connect(t, name)
  assert.equal(ipc.notify(remote).timer(), true)
  await told.promise
  while (ipc.status(server).runningCalls > 0) await new Promise(setImmediate)
})
