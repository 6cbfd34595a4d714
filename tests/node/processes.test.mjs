// What keeps a process alive, and how it ends.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { run, start } from './support/children.mjs'
import { gate, serve, serveElsewhere, serveElsewhereAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

const target = `{
  echo: x => x,
  hang: () => new Promise(() => {}),
  *count(n) { for (let i = 0; i < n; i++) yield i },
  async sum(numbers) { let sum = 0; for await (const n of numbers) sum += n; return sum },
  apply: f => f(1),
}`

for (const [what, program] of Object.entries({
  'is connected and has called': `const r = await ipc.connect(argv.address); say(await r.echo(1))`,
  'is connected': `await ipc.connect(argv.address)`,
  'has closed its connection': `const r = await ipc.connect(argv.address); await ipc.close(r)`,
  'has read a stream, left another and holds the rest of a third': `
    const r = await ipc.connect(argv.address)
    say(await (await r.count(3)).toArray())
    for await (const n of r.count(1e9)) if (n === 5) break
    globalThis.held = r.count(1e9)[Symbol.asyncIterator]()
    await held.next()
    await held.return()`,
  'has sent a stream': `
    const r = await ipc.connect(argv.address)
    say(await r.sum(ipc.stream([1, 2, 3])))`,
  'has been called back, and has released what it retained': `
    const r = await ipc.connect(argv.address)
    say(await r.apply(x => x + 1))
    await r.apply(ipc.retain(function f() { ipc.release(f) }))`,
  'has aborted a call, sent a notification and blocked': `
    const r = await ipc.connect(argv.address)
    const call = ipc.withOptions(r, { timeout: 1 }).hang()
    await call.catch(error => say(error.code))
    ipc.notify(r).echo(1)
    say(ipc.sync(r).echo(1))`,
  'is told of states': `
    const r = await ipc.connect(argv.address)
    ipc.onState(r, () => {})`,
  'has found nobody': `await ipc.connect(argv.address + '-not', { connectTimeout: 0 }).catch(() => say('nobody'))`,
})) {
  test(`a process that ${what}, with nothing pending, ends by itself`, async t => {
    const address = freshName()
    await serveElsewhere(t, address, { target })
    const { code, stderr } = await run(t, program, { argv: { address } })
    assert.deepEqual([code, stderr], [0, ''])
  })
}

test('a process whose only server is closed ends by itself', async t => {
  const { code } = await run(t, `const s = await ipc.serve('x', { f() {} }); await s.close()`)
  assert.equal(code, 0)
})

test('a server keeps its process alive', async t => {
  const { child, remote } = await serveElsewhereAndConnect(t)
  // A dozen turns of its loop, each a chance to end.
  for (let i = 0; i < 12; i++) assert.equal(await remote.pid(), child.pid)
})

test('a service goes on when nobody holds the other end of its stderr any more', async t => {
  const target = `{ pid: () => process.pid, fail() { throw new Error('for nobody to read') } }`
  const { child, remote } = await serveElsewhereAndConnect(t, { target })
  child.leaveStderr()
  for (let i = 0; i < 20; i++) {
    await assert.rejects(remote.fail(), { message: 'for nobody to read' })
    assert.equal(await remote.pid(), child.pid)
  }
})

test('a pending call keeps its process alive', async t => {
  const address = freshName()
  const { wait, entered, open } = gate()
  await serve(t, address, { wait })
  const child = start(t, `const r = await ipc.connect(argv.address); say(await r.wait())`, { argv: { address } })
  await entered
  open('answer')
  assert.equal(await child.heard(), 'answer')
  assert.equal((await child.ended).code, 0)
})

test('connecting keeps its process alive', async t => {
  const address = freshName()
  const child = start(t, `say('connecting'); const r = await ipc.connect(argv.address); say(await r.one())`, {
    argv: { address },
  })
  await child.heard()
  await serve(t, address, { one: () => 1 })
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
    await serveElsewhere(t, address)
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
  const target = '{ echo: x => x, leave: () => process.exit(5) }'
  const { child, remote } = await serveElsewhereAndConnect(t, { target })
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
