import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { run, start } from './support/children.mjs'
import { deferred, reaches, serveAndConnect } from './support/endpoints.mjs'
import { freshAddress, freshName, transports } from './support/names.mjs'

const service = `
  const target = { echo: x => x, pid: () => process.pid, hang: () => new Promise(() => {}) }
  const server = await ipc.serve(argv.address, target, argv.options ?? {})
  say('up')
`

for (const transport of transports) {
  test(`${transport}: when the service is killed each call in flight settles once, with unavailable`, async t => {
    const address = freshAddress(transport)
    const child = start(t, service, { argv: { address } })
    await child.heard()
    const remote = await ipc.connect(address)
    t.after(() => ipc.close(remote))
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
    const lost = reaches(remote, 'reconnecting')
    child.kill('SIGKILL')
    await lost
    // Calls that were not sent wait for the next service, and hang there too or are answered.
    const again = start(t, service, { argv: { address } })
    assert.equal(await remote.pid(), again.pid)
    const lostAgain = reaches(remote, 'reconnecting')
    again.kill('SIGKILL')
    await lostAgain
    await ipc.close(remote)
    await Promise.allSettled(calls)
    assert.equal(settled, calls.length)
    assert.ok(outcomes.maybe > 0, JSON.stringify(outcomes))
  })

  test(`${transport}: a restarted service is found, and calls not sent yet reach it`, async t => {
    const address = freshAddress(transport)
    const first = start(t, service, { argv: { address } })
    await first.heard()
    const remote = await ipc.connect(address)
    t.after(() => ipc.close(remote))
    assert.equal(await remote.pid(), first.pid)
    const lost = reaches(remote, 'reconnecting')
    first.kill('SIGKILL')
    await lost
    const waiting = remote.pid()
    const second = start(t, service, { argv: { address } })
    assert.equal(await waiting, second.pid)
    assert.equal(ipc.status(remote).state, 'ready')
  })
}

test('an idempotent call is repeated when its connection is lost', async t => {
  const address = freshName()
  const first = start(t, service, { argv: { address } })
  await first.heard()
  const remote = await ipc.connect(address)
  t.after(() => ipc.close(remote))
  const view = ipc.withOptions(remote, { idempotent: true })
  const program = `await ipc.serve(argv.address, { hang: () => 'second time' }); say('up')`
  const call = view.hang()
  await remote.echo(1) // behind the call
  first.kill('SIGKILL')
  const second = start(t, program, { argv: { address } })
  await second.heard()
  assert.equal(await call, 'second time')
})

test('waitForReady: false fails at once while there is no connection', async t => {
  const address = freshName()
  const child = start(t, service, { argv: { address } })
  await child.heard()
  const remote = await ipc.connect(address)
  t.after(() => ipc.close(remote))
  const lost = reaches(remote, 'reconnecting')
  child.kill('SIGKILL')
  await lost
  await assert.rejects(ipc.withOptions(remote, { waitForReady: false }).echo(1), { code: 'unavailable', sent: 'no' })
})

test('a call waits for the reconnection no longer than its deadline', async t => {
  const address = freshName()
  const child = start(t, service, { argv: { address } })
  await child.heard()
  const remote = await ipc.connect(address)
  t.after(() => ipc.close(remote))
  const lost = reaches(remote, 'reconnecting')
  child.kill('SIGKILL')
  await lost
  await assert.rejects(ipc.withOptions(remote, { timeout: 30 }).echo(1), { code: 'deadline_exceeded' })
})

test('a proxy follows what a restarted service offers', async t => {
  const address = freshName()
  const first = start(t, `await ipc.serve(argv.address, { old: () => 1, both: () => 1, ns: { a() {} } }); say('up')`, {
    argv: { address },
  })
  await first.heard()
  const remote = await ipc.connect(address)
  t.after(() => ipc.close(remote))
  const { both, old, ns } = remote
  const lost = reaches(remote, 'reconnecting')
  first.kill('SIGKILL')
  await lost
  const ready = reaches(remote, 'ready')
  start(t, `await ipc.serve(argv.address, { fresh: () => 2, both: () => 2, ns: { b() {} } })`, { argv: { address } })
  await ready
  assert.deepEqual(Object.keys(remote).sort(), ['both', 'fresh', 'ns'])
  assert.deepEqual(Object.keys(ns), ['b'])
  assert.equal(remote.both, both)
  assert.equal(await both(), 2)
  assert.equal(await remote.fresh(), 2)
  await assert.rejects(old(), { code: 'unimplemented' })
})

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
  const server = await ipc.serve(name, { one: () => 1 })
  t.after(() => server.close({ grace: 0 }))
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

test('closing a server lets calls that have begun finish', async t => {
  const gate = deferred()
  const begun = deferred()
  const wait = () => {
    begun.resolve()
    return gate.promise
  }
  const { remote, server } = await serveAndConnect(t, { wait })
  const call = remote.wait()
  await begun.promise
  const closed = server.close({ grace: 10_000 })
  gate.resolve('finished')
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

test('serving a name again in the same process replaces the service', async t => {
  const address = freshName()
  const { remote, server } = await serveAndConnect(t, { which: () => 'first' }, { address })
  const closed = reaches(server, 'closed')
  const second = await ipc.serve(address, { which: () => 'second' })
  t.after(() => second.close({ grace: 0 }))
  await closed
  assert.equal(await remote.which(), 'second')
})

test('takeover: fail, wait and replace', async t => {
  const address = freshName()
  const child = start(t, `${service}; ipc.onState(server, (state, reason) => say([state, reason?.code]))`, {
    argv: { address },
  })
  await child.heard()
  await assert.rejects(ipc.serve(address, { f() {} }, { takeover: 'fail' }), { code: 'already_exists' })
  await assert.rejects(ipc.serve(address, { f() {} }, { takeoverTimeout: 30 }), { code: 'already_exists' })
  const mine = await ipc.serve(address, { pid: () => process.pid }, { takeover: 'replace' })
  t.after(() => mine.close({ grace: 0 }))
  assert.deepEqual(await child.heard(), ['closing', null])
  assert.deepEqual(await child.heard(), ['closed', 'aborted'])
  const remote = await ipc.connect(address)
  t.after(() => ipc.close(remote))
  assert.equal(await remote.pid(), process.pid)
  // Nothing keeps the other alive any more.
  assert.equal((await child.ended).code, 0)
})

test('takeover by waiting succeeds when the other goes', async t => {
  const address = freshName()
  const child = start(t, service, { argv: { address } })
  await child.heard()
  const serving = ipc.serve(address, { f: () => 'mine' }, { takeoverTimeout: 30_000 })
  child.kill('SIGKILL')
  const server = await serving
  t.after(() => server.close({ grace: 0 }))
})

test('a list of addresses is balanced, and one that dies is gone round', async t => {
  const addresses = [freshName(), freshName()]
  const children = addresses.map(address => start(t, service, { argv: { address } }))
  await Promise.all(children.map(child => child.heard()))
  const remote = await ipc.connect(addresses)
  t.after(() => ipc.close(remote))
  const seen = new Set()
  while (seen.size < 2) seen.add(await remote.pid())
  children[0].kill('SIGKILL')
  await children[0].ended
  let pid
  do pid = await remote.pid().catch(error => assert.equal(error.code, 'unavailable'))
  while (pid === undefined)
  assert.equal(pid, children[1].pid)
})

// --- processes ---

test('a process with nothing pending ends by itself, though it is connected', async t => {
  const address = freshName()
  await start(t, service, { argv: { address } }).heard()
  const { code } = await run(t, `const r = await ipc.connect(argv.address); say(await r.echo(1))`, {
    argv: { address },
  })
  assert.equal(code, 0)
})

test('a process whose only server is closed ends by itself', async t => {
  const { code } = await run(t, `const s = await ipc.serve('x', { f() {} }); await s.close()`)
  assert.equal(code, 0)
})

test('a server keeps its process alive', async t => {
  const address = freshName()
  const child = start(t, service, { argv: { address } })
  await child.heard()
  // Time for a dozen turns of its loop, each a chance to end.
  const remote = await ipc.connect(address)
  t.after(() => ipc.close(remote))
  for (let i = 0; i < 12; i++) assert.equal(await remote.pid(), child.pid)
})

test('a pending call keeps its process alive', async t => {
  const address = freshName()
  const gate = deferred()
  const begun = deferred()
  const wait = () => {
    begun.resolve()
    return gate.promise
  }
  const server = await ipc.serve(address, { wait })
  t.after(() => server.close({ grace: 0 }))
  const child = start(t, `const r = await ipc.connect(argv.address); say(await r.wait())`, { argv: { address } })
  await begun.promise
  gate.resolve('answer')
  assert.equal(await child.heard(), 'answer')
  assert.equal((await child.ended).code, 0)
})

test('connecting keeps its process alive', async t => {
  const address = freshName()
  const child = start(t, `say('connecting'); const r = await ipc.connect(argv.address); say(await r.one())`, {
    argv: { address },
  })
  await child.heard()
  const server = await ipc.serve(address, { one: () => 1 })
  t.after(() => server.close({ grace: 0 }))
  assert.equal(await child.heard(), 1)
  assert.equal((await child.ended).code, 0)
})

for (const [how, program, wanted] of [
  ['process.exit(3)', 'process.exit(3)', 3],
  ['an uncaught exception', `setImmediate(() => { throw new Error('out') })`, 1],
  ['process.exit in a continuation', `r.echo(1).then(() => process.exit(4))`, 4],
]) {
  test(`exit by ${how} with calls in flight gives the right exit code`, async t => {
    const address = freshName()
    await start(t, service, { argv: { address } }).heard()
    const { code, signal } = await run(
      t,
      `const r = await ipc.connect(argv.address)
       for (let i = 0; i < 1000; i++) { r.echo(i).catch(() => {}); r.hang().catch(() => {}) }
       ${program}`,
      { argv: { address } },
    )
    assert.deepEqual({ code, signal }, { code: wanted, signal: null })
  })
}

test('exit from within a handler with calls in flight gives the right exit code', async t => {
  const address = freshName()
  const child = start(t, `await ipc.serve(argv.address, { echo: x => x, leave: () => process.exit(5) }); say('up')`, {
    argv: { address },
  })
  await child.heard()
  const remote = await ipc.connect(address)
  t.after(() => ipc.close(remote))
  const echoes = n => Array.from({ length: n }, (_, i) => remote.echo(i))
  const others = Promise.allSettled([...echoes(100)])
  const leaving = assert.rejects(remote.leave(), { code: 'unavailable', sent: 'maybe' })
  const after = Promise.allSettled(echoes(100))
  await leaving
  const { code, signal } = await child.ended
  assert.deepEqual({ code, signal }, { code: 5, signal: null })
  await ipc.close(remote)
  await Promise.all([others, after])
})

test('SIGSTOP: timeouts fire; SIGCONT: calls are answered', async t => {
  const address = freshName()
  const child = start(t, service, { argv: { address } })
  await child.heard()
  const remote = await ipc.connect(address)
  t.after(() => ipc.close(remote))
  await remote.echo(1)
  child.kill('SIGSTOP')
  await assert.rejects(ipc.withOptions(remote, { timeout: 50 }).echo(1), { code: 'deadline_exceeded' })
  const waiting = remote.echo(2)
  child.kill('SIGCONT')
  assert.equal(await waiting, 2)
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
