// Both sides of a connection call, whoever has dialled.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import ipc from 'ipcbridge'
import { run, start } from './support/children.mjs'
import { connect, deferred, gate, reaches, serve } from './support/endpoints.mjs'
import { freshAddress, freshName } from './support/names.mjs'

const offered = name => ({ hello: who => `${name} greets ${who}`, math: { double: x => 2 * x } })

/** Waits, looking again with each turn of the event loop. */
async function until(isSo) {
  while (!isSo()) await new Promise(setImmediate)
}

for (const transport of ['shm', 'unix']) {
  const address = () => freshAddress(transport)

  test(`${transport}: a server calls what its clients offer`, async t => {
    const server = await serve(t, address(), { add: (a, b) => a + b })
    assert.deepEqual(server.peers, [])
    const remote = await connect(t, server.address, { serve: offered('billing'), name: 'billing' })
    await remote.add(1, 2)
    const [peer] = server.peers
    assert.equal(await peer.hello('Ada'), 'billing greets Ada')
    assert.equal(await peer.math.double(21), 42)
    assert.equal(peer.nope, undefined)
    assert.equal(server.peers[0], peer)
    assert.equal(inspect(peer).startsWith('[Remote billing]'), true)
    assert.equal(ipc.status(peer).peer.pid, process.pid)
    assert.equal(await ipc.withOptions(peer, { timeout: 5000 }).hello('you'), 'billing greets you')
    const { methods } = await ipc.describe(peer)
    assert.equal(methods.hello.signature, '(who)')
  })

  test(`${transport}: both sides call at a time`, async t => {
    const server = await serve(t, address(), { add: (a, b) => a + b })
    const remote = await connect(t, server.address, { serve: offered('client') })
    await remote.add(0, 0)
    const [peer] = server.peers
    const sums = Array.from({ length: 200 }, (_, i) => remote.add(i, 1))
    const doubles = Array.from({ length: 200 }, (_, i) => peer.math.double(i))
    assert.deepEqual(
      await Promise.all(sums),
      [...Array(200).keys()].map(i => i + 1),
    )
    assert.deepEqual(
      await Promise.all(doubles),
      [...Array(200).keys()].map(i => 2 * i),
    )
  })

  test(`${transport}: the context of a call tells who makes it, and calls back`, async t => {
    const server = await serve(t, address(), {
      who: () => ({ ...ipc.context().peer }),
      back: () => ipc.context().peer.remote.hello('back'),
      isListed: () => server.peers.includes(ipc.context().peer.remote),
    })
    const remote = await connect(t, server.address, { serve: offered('me'), name: 'me' })
    const { uid } = process.getuid === undefined ? {} : { uid: process.getuid() }
    assert.deepEqual(await remote.who(), { pid: process.pid, uid, name: 'me', language: 'javascript' })
    assert.equal(await remote.back(), 'me greets back')
    assert.equal(await remote.isListed(), true)
  })

  test(`${transport}: who is called by its service finds the remote that it has connected`, async t => {
    const server = await serve(t, address(), { one: () => 1 })
    const seen = []
    const remote = await connect(t, server.address, {
      serve: { see: () => void seen.push(ipc.context().peer.remote) },
    })
    await remote.one()
    await server.peers[0].see()
    assert.equal(seen[0], remote)
  })

  test(`${transport}: a peer that is closed is disconnected, and connects anew`, async t => {
    const server = await serve(t, address(), { one: () => 1 })
    const remote = await connect(t, server.address, { serve: offered('x') })
    await remote.one()
    const [peer] = server.peers
    const lost = reaches(remote, 'reconnecting')
    await ipc.close(peer)
    await lost
    await assert.rejects(peer.hello('you'), { code: 'failed_precondition' })
    assert.equal(await remote.one(), 1)
    assert.notEqual(server.peers[0], peer)
    assert.equal(await server.peers[0].hello('again'), 'x greets again')
  })

  test(`${transport}: calls of a peer that goes fail`, async t => {
    const { wait, entered } = gate()
    const server = await serve(t, address(), { one: () => 1 })
    const remote = await connect(t, server.address, { serve: { wait } })
    await remote.one()
    const [peer] = server.peers
    const call = peer.wait()
    await entered
    const gone = reaches(peer, 'closed')
    await ipc.close(remote)
    await assert.rejects(call, { code: 'unavailable', sent: 'maybe' })
    await gone
    assert.deepEqual(server.peers, [])
  })
}

test('the name of a client that has none is null', async t => {
  const server = await serve(t, freshAddress('shm'), { who: () => ipc.context().peer.name })
  assert.equal(await (await connect(t, server.address)).who(), null)
})

test('a client that offers nothing is a peer without methods', async t => {
  const server = await serve(t, freshName(), { one: () => 1 })
  const remote = await connect(t, server.address)
  await remote.one()
  const [peer] = server.peers
  assert.deepEqual(Object.keys(peer), [])
  await assert.rejects(ipc.call(peer, 'hello'), { code: 'unimplemented' })
})

test('fanOut calls all peers, and tells what became of each in their order', async t => {
  const server = await serve(t, freshName(), { one: () => 1 })
  const failing = { hello: _who => Promise.reject(new ipc.IpcError('aborted', 'no')) }
  for (const target of [offered('a'), failing, { other() {} }, offered('d')]) {
    await (await connect(t, server.address, { serve: target })).one()
  }
  const { peers } = server
  const all = ipc.fanOut(peers)
  const results = await all.hello('you')
  assert.deepEqual(
    results.map(({ value, error }) => value ?? error.code),
    ['a greets you', 'aborted', 'unimplemented', 'd greets you'],
  )
  assert.deepEqual(
    results.map(({ peer }) => peer),
    peers,
  )
  assert.deepEqual(
    (await all.math.double(4)).map(({ value }) => value),
    [8, undefined, undefined, 8],
  )
  assert.equal(all.then, undefined)
  assert.deepEqual(await ipc.fanOut([]).hello(), [])
  assert.throws(() => ipc.fanOut([{}]), { code: 'invalid_argument' })
  assert.throws(() => ipc.fanOut('x'), { code: 'invalid_argument' })
})

test('fanOut calls all of them at a time', async t => {
  const server = await serve(t, freshName(), { one: () => 1 })
  const all = deferred()
  let called = 0
  const meet = async () => {
    called++
    if (called === 3) all.resolve()
    await all.promise
    return called
  }
  for (let peers = 0; peers < 3; peers++) await (await connect(t, server.address, { serve: { meet } })).one()
  const results = await ipc.fanOut(server.peers).meet()
  assert.deepEqual(
    results.map(({ value }) => value),
    [3, 3, 3],
  )
})

test('a service that takes long to end waits for the callbacks of its handlers', async t => {
  const { wait, entered, open } = gate()
  const server = await serve(t, freshName(), {
    async slow(on) {
      await wait()
      return on()
    },
  })
  const remote = await connect(t, server.address)
  const call = remote.slow(() => 'called')
  await entered
  const closed = server.close({ grace: 10_000 })
  open()
  assert.equal(await call, 'called')
  await closed
})

test('options are checked', async t => {
  const server = await serve(t, freshName(), { one: () => 1 })
  for (const options of [{ serve: 1 }, { serve: {} }, { serve: { f() {} }, name: 5 }, { name: 'x'.repeat(300) }]) {
    await assert.rejects(ipc.connect(server.address, options), { code: 'invalid_argument' })
  }
})

test('a process that offers something stays, and one that has closed its connection does not', async t => {
  const server = await serve(t, freshName(), { one: () => 1 })
  const argv = { address: server.address }
  const child = start(t, `await ipc.connect(argv.address, { serve: { end: () => process.exit(3) } }); say('up')`, {
    argv,
  })
  await child.heard()
  await until(() => server.peers.length === 1)
  await assert.rejects(server.peers[0].end(), { code: 'unavailable' })
  assert.equal((await child.ended).code, 3)
  const closing = `const remote = await ipc.connect(argv.address, { serve: { f() {} } }); await ipc.close(remote)`
  assert.equal((await run(t, closing, { argv })).code, 0)
})

test('a retained callback keeps its process until it is released', async t => {
  const held = {}
  const server = await serve(t, freshName(), { keep: on => void Object.assign(held, { on }) })
  const child = start(t, `await (await ipc.connect(argv.address)).keep(ipc.retain(() => process.pid)); say('up')`, {
    argv: { address: server.address },
  })
  await child.heard()
  assert.equal(await held.on(), child.pid)
  ipc.release(held.on)
  assert.equal((await child.ended).code, 0)
})
