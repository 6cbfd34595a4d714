// Two services, one name.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { connect, reaches, serve, serveAndConnect, serveElsewhere } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

test('serving a name again in the same process replaces the service', async t => {
  const address = freshName()
  const { remote, server } = await serveAndConnect(t, { which: () => 'first' }, { address })
  const closed = reaches(server, 'closed')
  await serve(t, address, { which: () => 'second' })
  await closed
  assert.equal(await remote.which(), 'second')
})

test('takeover: fail, wait and replace', async t => {
  const address = freshName()
  const then = 'ipc.onState(server, (state, reason) => say([state, reason?.code]))'
  const child = await serveElsewhere(t, address, { then })
  await assert.rejects(ipc.serve(address, { f() {} }, { takeover: 'fail' }), { code: 'already_exists' })
  await assert.rejects(ipc.serve(address, { f() {} }, { takeoverTimeout: 30 }), { code: 'already_exists' })
  await serve(t, address, { pid: () => process.pid }, { takeover: 'replace' })
  assert.deepEqual(await child.heard(), ['closing', null])
  assert.deepEqual(await child.heard(), ['closed', 'aborted'])
  const remote = await connect(t, address)
  assert.equal(await remote.pid(), process.pid)
  // Nothing keeps the other alive any more.
  assert.equal((await child.ended).code, 0)
})

test('takeover by waiting succeeds when the other goes', async t => {
  const address = freshName()
  const child = await serveElsewhere(t, address)
  const serving = serve(t, address, { f: () => 'mine' }, { takeoverTimeout: 30_000 })
  child.kill('SIGKILL')
  assert.equal((await serving).status().state, 'listening')
})

test('one of several services that comes back with other methods is followed, though no state changes', async t => {
  const addresses = [freshName(), freshName()]
  const both = { old() {} }
  await serve(t, addresses[0], both)
  const second = await serve(t, addresses[1], both)
  const remote = await connect(t, addresses)
  while (second.status().connections === 0) await new Promise(setImmediate)
  const states = []
  ipc.onState(remote, state => states.push(state))
  await serve(t, addresses[1], { ...both, fresh() {} })
  while (remote.fresh === undefined) await new Promise(setImmediate)
  assert.deepEqual(states, [])
})
