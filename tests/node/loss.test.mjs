// A service that dies, is stopped, or comes again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import {
  connect,
  lose,
  reaches,
  serve,
  serveAndConnect,
  serveElsewhere,
  serveElsewhereAndConnect,
  startService,
} from './support/endpoints.mjs'
import { freshAddress, freshName, transports } from './support/names.mjs'

for (const transport of transports) {
  test(`${transport}: when the service is killed each call in flight settles once, with unavailable`, async t => {
    const address = freshAddress(transport)
    const { child, remote } = await serveElsewhereAndConnect(t, { address })
    let settled = 0
    const outcomes = { ok: 0, no: 0, maybe: 0 }
    const calls = Array.from({ length: 10_000 }, (_, i) =>
      (i % 10 === 0 ? remote.hang() : remote.echo(i)).then(
        value => {
          settled++
          outcomes.ok++
          assert.equal(value, i)
        },
        error => {
          settled++
          assert.ok(error.code === 'unavailable' || error.code === 'cancelled', error.code)
          outcomes[error.sent ?? 'no']++
        },
      ),
    )
    await Promise.race(calls) // the middle of it
    await lose(child, remote)
    // Calls that were not sent wait for the next service, and hang there too or are answered.
    const again = startService(t, address)
    assert.equal(await remote.pid(), again.pid)
    await lose(again, remote)
    await ipc.close(remote)
    await Promise.allSettled(calls)
    assert.equal(settled, calls.length)
    assert.ok(outcomes.maybe > 0, JSON.stringify(outcomes))
  })

  test(`${transport}: a restarted service is found, and calls not sent yet reach it`, async t => {
    const address = freshAddress(transport)
    const { child: first, remote } = await serveElsewhereAndConnect(t, { address })
    assert.equal(await remote.pid(), first.pid)
    await lose(first, remote)
    const waiting = remote.pid()
    const second = startService(t, address)
    assert.equal(await waiting, second.pid)
    assert.equal(ipc.status(remote).state, 'ready')
  })
}

test('an idempotent call is repeated when its connection is lost', async t => {
  const { address, child: first, remote } = await serveElsewhereAndConnect(t)
  const view = ipc.withOptions(remote, { idempotent: true })
  const call = view.hang()
  await remote.echo(1) // behind the call
  first.kill('SIGKILL')
  await serveElsewhere(t, address, { target: `{ hang: () => 'second time' }` })
  assert.equal(await call, 'second time')
})

test('waitForReady: false fails at once while there is no connection', async t => {
  const { child, remote } = await serveElsewhereAndConnect(t)
  await lose(child, remote)
  await assert.rejects(ipc.withOptions(remote, { waitForReady: false }).echo(1), { code: 'unavailable', sent: 'no' })
})

test('a call waits for the reconnection no longer than its deadline', async t => {
  const { child, remote } = await serveElsewhereAndConnect(t)
  await lose(child, remote)
  await assert.rejects(ipc.withOptions(remote, { timeout: 30 }).echo(1), { code: 'deadline_exceeded' })
})

test('a proxy follows what a restarted service offers', async t => {
  const target = '{ old: () => 1, both: () => 1, ns: { a() {} } }'
  const { address, child, remote } = await serveElsewhereAndConnect(t, { target })
  const { both, old, ns } = remote
  await lose(child, remote)
  const ready = reaches(remote, 'ready')
  startService(t, address, { target: '{ fresh: () => 2, both: () => 2, ns: { b() {} } }' })
  await ready
  assert.deepEqual(Object.keys(remote).sort(), ['both', 'fresh', 'ns'])
  assert.deepEqual(Object.keys(ns), ['b'])
  assert.equal(remote.both, both)
  assert.equal(await both(), 2)
  assert.equal(await remote.fresh(), 2)
  await assert.rejects(old(), { code: 'unimplemented' })
})

test('a namespace that goes and comes back is the same to whoever holds it', async t => {
  const { address, remote } = await serveAndConnect(t, { math: { deep: { add: () => 1 } }, f: () => 1 })
  const view = ipc.withOptions(remote, { timeout: 10_000 })
  const held = [remote.math, view.math, view.math.deep]
  const serveInstead = async target => {
    const lost = reaches(remote, 'reconnecting')
    await serve(t, address, target)
    await lost
    await reaches(remote, 'ready')
  }

  await serveInstead({ math: () => 2 })
  assert.deepEqual(
    held.map(namespace => Object.keys(namespace)),
    [[], [], []],
  )
  assert.equal(await view.math(), 2)

  await serveInstead({ math: { deep: { sub: () => 3 }, mul: () => 4 } })
  const [math, viewOfMath, viewOfDeep] = held
  assert.equal(remote.math, math)
  assert.equal(await math.mul(), 4)
  assert.equal(await math.deep.sub(), 3)
  assert.equal(await viewOfMath.mul(), 4)
  assert.equal(await viewOfDeep.sub(), 3)
  assert.equal(await view.math.deep.sub(), 3)
  assert.equal(math.deep.add, undefined)
})

test('a list of addresses is balanced, and one that dies is gone round', async t => {
  const addresses = [freshName(), freshName()]
  const children = await Promise.all(addresses.map(address => serveElsewhere(t, address)))
  const remote = await connect(t, addresses)
  const seen = new Set()
  while (seen.size < 2) seen.add(await remote.pid())
  const linkOf = (address, state, transport, pid) => ({
    address,
    state,
    transport,
    fallbackReason: null,
    peer: pid ? { pid, uid: process.getuid() } : null,
    unreadBytes: 0,
    busy: null,
    runningCalls: 0,
    openStreams: 0,
    stalledStreams: null,
    awaitedStreams: 0,
  })
  const ready = addresses.map((address, i) => linkOf(address, 'ready', 'shm', children[i].pid))
  assert.deepEqual(ipc.status(remote).links, ready)
  children[0].kill('SIGKILL')
  await children[0].ended
  let pid
  do pid = await remote.pid().catch(error => assert.equal(error.code, 'unavailable'))
  while (pid === undefined)
  assert.equal(pid, children[1].pid)
  assert.deepEqual(ipc.status(remote).links, [linkOf(addresses[0], 'reconnecting', null), ready[1]])
})

test('an address that was never found is still being connected to', async t => {
  const addresses = [freshName(), freshName()]
  await serveElsewhere(t, addresses[0])
  const remote = await connect(t, addresses)
  const statesOf = () => ipc.status(remote).links.map(link => link.state)
  assert.deepEqual(statesOf(), ['ready', 'connecting'])
})

test('a lost connection is told of with its reason', async t => {
  const { child, remote } = await serveElsewhereAndConnect(t)
  const lost = reaches(remote, 'reconnecting')
  const call = remote.hang()
  await remote.echo(1) // behind the call
  child.kill('SIGKILL')
  const reason = await lost
  assert.ok(reason instanceof ipc.IpcError)
  assert.equal(reason.code, 'unavailable')
  assert.match(reason.message, /closed the connection/)
  await assert.rejects(call, { code: 'unavailable', message: `hang() was not answered: ${reason.message}` })
})

test("a service's goodbye is the reason of the reconnection", async t => {
  const { remote, server } = await serveAndConnect(t, { one: () => 1 })
  const lost = reaches(remote, 'reconnecting')
  await server.close()
  assert.match((await lost).message, /is closing/)
})
