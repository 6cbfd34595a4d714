// How connections and services begin and end in good order.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import ipc from 'ipcbridge'
import { connect, deferred, gate, reaches, serve, serveAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

test('connecting to a service that is not there fails after connectTimeout, naming address and directory', async () => {
  const begun = Date.now()
  await assert.rejects(ipc.connect('nobody-here', { connectTimeout: 50 }), error => {
    assert.equal(error.code, 'unavailable')
    assert.equal(error.sent, 'no')
    assert.match(error.message, /nobody-here/)
    assert.ok(error.message.includes(process.env.IPCBRIDGE_DIR), error.message)
    return true
  })
  assert.ok(Date.now() - begun >= 45)
})

test('connecting waits until the service appears', async t => {
  const name = freshName()
  const connecting = ipc.connect(name)
  await serve(t, name, { one: () => 1 })
  const remote = await connecting
  t.after(() => ipc.close(remote))
  assert.equal(await remote.one(), 1)
})

for (const name of ['a/b', 'tab\t', 'x'.repeat(65), '', 'ftp://x', '.']) {
  test(`the name ${JSON.stringify(name)} is refused`, async () => {
    await assert.rejects(ipc.connect(name), { code: 'invalid_argument' })
    await assert.rejects(ipc.serve(name, { f() {} }), { code: 'invalid_argument' })
  })
}

test('closing a client fails its pending calls and later ones', async t => {
  const { remote } = await serveAndConnect(t, { hang: () => new Promise(() => {}) })
  const call = remote.hang()
  const states = []
  ipc.onState(remote, state => states.push(state))
  const closed = ipc.close(remote)
  await assert.rejects(call, { code: 'cancelled' })
  await closed
  assert.deepEqual(states, ['closed'])
  assert.equal(ipc.status(remote).state, 'closed')
  await assert.rejects(remote.hang(), { code: 'failed_precondition' })
  assert.throws(() => ipc.notify(remote).hang(), { code: 'failed_precondition' })
  await ipc.close(remote)
})

test('the status of a closed client has the shape that it had', async t => {
  const name = freshName()
  await serve(t, name, { one: () => 1 })
  const remote = await connect(t, [name, freshName()])
  const open = ipc.status(remote)
  await ipc.close(remote)
  await new Promise(setImmediate) // by then the native side has forgotten it
  const closed = ipc.status(remote)
  const nobody = { state: 'closed', transport: null, fallbackReason: null, peer: null, unreadBytes: 0, busy: null }
  assert.deepEqual(closed, {
    ...open,
    ...nobody,
    links: open.links.map(link => ({ ...link, ...nobody })),
  })
})

test('a closed server still says where it was', async t => {
  for (const askBefore of [true, false]) {
    const server = await serve(t, freshName(), { one: () => 1 })
    const before = askBefore && server.status()
    await server.close()
    await new Promise(setImmediate)
    const { state, address, path } = server.status()
    assert.deepEqual([state, address], ['closed', server.address])
    assert.ok(path.endsWith(`/${address}.sock`), path)
    if (before) assert.equal(path, before.path)
  }
})

test('closing a server lets calls that have begun finish', async t => {
  const { wait, entered, open } = gate()
  const { remote, server } = await serveAndConnect(t, { wait })
  const call = remote.wait()
  await entered
  const closed = server.close({ grace: 10_000 })
  open('finished')
  assert.equal(await call, 'finished')
  await closed
  assert.equal(server.status().state, 'closed')
  await server.close()
})

test('closing a server cancels what still runs when its grace is over', async t => {
  const begun = deferred()
  const cancelled = deferred()
  const hang = () => {
    ipc.context().signal.addEventListener('abort', cancelled.resolve)
    begun.resolve()
    return new Promise(() => {})
  }
  const { remote, server } = await serveAndConnect(t, { hang })
  const call = remote.hang()
  await begun.promise
  const [result] = await Promise.allSettled([call, server.close({ grace: 20 }), cancelled.promise])
  assert.equal(result.reason.code, 'unavailable')
})

const closings = {
  'at once': server => server.close(),
  'with close() of the module': server => ipc.close(server),
  twice: server => Promise.all([server.close(), server.close()]),
}

for (const [how, close] of Object.entries(closings)) {
  test(`a handler that closes its own server ${how} does not wait for itself`, async t => {
    const target = {
      async stop() {
        await close(server)
        return server.status().runningCalls
      },
    }
    const { remote, server } = await serveAndConnect(t, target)
    const closed = reaches(server, 'closed')
    assert.equal(await ipc.withOptions(remote, { timeout: 5000 }).stop(), 1)
    await closed
  })
}

test('a handler that closes its own server waits for the other handlers', async t => {
  const { wait, entered, open } = gate()
  const ends = []
  const begun = deferred()
  const target = {
    wait: () => wait().finally(() => ends.push('wait')),
    async stop() {
      const closed = server.close()
      begun.resolve()
      await closed
      ends.push('stop')
    },
  }
  const { remote, server } = await serveAndConnect(t, target)
  const closed = reaches(server, 'closed')
  const calls = [remote.wait(), remote.stop(), remote.stop()]
  await Promise.all([entered, begun.promise])
  open()
  await Promise.all(calls)
  assert.deepEqual(ends, ['wait', 'stop', 'stop'])
  await closed
})

test('a serial handler that closes its own server does not wait for the calls behind it', async t => {
  const target = {
    async stop() {
      await server.close()
      return 'stopped'
    },
    next: () => 'next',
  }
  const { remote, server } = await serveAndConnect(t, target, { serial: true })
  const patient = ipc.withOptions(remote, { timeout: 5000 })
  assert.deepEqual(await Promise.all([patient.stop(), patient.next()]), ['stopped', 'next'])
})

test('a close that a handler begins and does not wait for is over when all handlers are', async t => {
  const { wait, entered, open } = gate()
  let closed
  const target = {
    wait,
    stop() {
      closed = server.close()
    },
  }
  const { remote, server } = await serveAndConnect(t, target)
  const call = remote.wait()
  await entered
  await remote.stop()
  const over = closed.then(() => server.status().state)
  open()
  await call
  assert.equal(await over, 'closed')
})

test('onState tells of changes until it is ended', async t => {
  const { remote, server } = await serveAndConnect(t, { one: () => 1 })
  const seen = []
  const both = []
  const end = ipc.onState(remote, state => seen.push(state))
  ipc.onState(remote, state => both.push(state))
  const lost = reaches(remote, 'reconnecting')
  await server.close({ grace: 0 })
  await lost
  end()
  await ipc.close(remote)
  assert.deepEqual(seen, ['reconnecting'])
  assert.deepEqual(both, ['reconnecting', 'closed'])
  assert.throws(() => ipc.onState(remote, 5), { code: 'invalid_argument' })
})

test('a server shows its name, and is refused where a connection is wanted', async t => {
  const { server, address } = await serveAndConnect(t, { one: () => 1 })
  assert.equal(inspect(server), `[Server ${address}]`)
  for (const use of [() => ipc.withOptions(server, {}), () => ipc.notify(server), () => ipc.call(server, 'one')]) {
    assert.throws(use, { code: 'invalid_argument', message: /this is a server: pass what connect\(\) returned/ })
  }
  await server.close()
  assert.equal(inspect(server), `[Server ${address} (closed)]`)
})

test('await using closes servers and connections', { skip: Symbol.asyncDispose === undefined }, async () => {
  const name = freshName()
  const server = await ipc.serve(name, { one: () => 1 })
  const remote = await ipc.connect(name)
  await remote[Symbol.asyncDispose]()
  assert.equal(ipc.status(remote).state, 'closed')
  await server[Symbol.asyncDispose]()
  assert.equal(ipc.status(server).state, 'closed')
})
