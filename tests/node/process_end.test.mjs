// A service's process that ends without closing it: by a signal, by exiting, as the first process of a container.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { start } from './support/children.mjs'
import { freshName } from './support/names.mjs'

const socketOf = name => join(process.env.IPCBRIDGE_DIR, `${name}.sock`)

/** A process that serves `name`, after `before` and before `last`. */
async function serving(t, { before = '', last = '', under = [], name = freshName() } = {}) {
  const program = `${before}; const server = await ipc.serve(argv.name, { f() {} }); say('up'); ${last}`
  const child = start(t, program, { argv: { name }, under })
  await child.heard()
  assert.ok(existsSync(socketOf(name)))
  return { child, socket: socketOf(name) }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  test(`${signal} ends a service as it ends any process, and leaves no socket behind`, async t => {
    const { child, socket } = await serving(t)
    child.kill(signal)
    const ended = await child.ended
    assert.deepEqual([ended.code, ended.signal], [null, signal])
    assert.equal(existsSync(socket), false)
  })
}

test('a signal ends a service whose event loop is blocked, and leaves no socket behind', async t => {
  const { child, socket } = await serving(t, { last: "say('blocked'); for (;;);" })
  await child.heard()
  child.kill('SIGTERM')
  assert.equal((await child.ended).signal, 'SIGTERM')
  assert.equal(existsSync(socket), false)
})

for (const [when, options] of Object.entries({
  before: { before: "process.on('SIGTERM', () => say('heard'))" },
  after: { last: "process.on('SIGTERM', () => say('heard')); say('listens')" },
})) {
  test(`a handler that the program has set ${when} it served decides alone`, async t => {
    const { child, socket } = await serving(t, options)
    if (when === 'after') await child.heard()
    child.kill('SIGTERM')
    assert.equal(await child.heard(), 'heard')
    assert.ok(existsSync(socket))
  })
}

for (const [how, end] of Object.entries({
  'process.exit()': 'process.exit(3)',
  'an uncaught exception': "setImmediate(() => { throw new Error('of the test') })",
})) {
  test(`${how} leaves no socket behind`, async t => {
    const { child, socket } = await serving(t, { last: `await hear(); ${end}` })
    child.tell('end')
    assert.notEqual((await child.ended).code, null)
    assert.equal(existsSync(socket), false)
  })
}

test('SIGTERM leaves no socket behind of a service that has listened anew', async t => {
  const name = freshName()
  const { child, socket } = await serving(t, { name })
  rmSync(socket)
  while (!existsSync(socket)) await new Promise(resolve => setImmediate(resolve))
  const remote = await ipc.connect(name) // it listens there
  await ipc.close(remote)
  child.kill('SIGTERM')
  assert.equal((await child.ended).signal, 'SIGTERM')
  assert.equal(existsSync(socket), false)
})

test('what is at the path by then and is no socket of this process stays', async t => {
  const { child, socket } = await serving(t)
  rmSync(socket)
  writeFileSync(socket, 'of somebody else')
  t.after(() => rmSync(socket))
  child.kill('SIGTERM')
  await child.ended
  assert.equal(readFileSync(socket, 'utf8'), 'of somebody else')
})

test('signals are handled as before when no server is open any more', async () => {
  const caught = () => /SigCgt:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]
  const before = caught()
  const servers = [await ipc.serve(freshName(), { f() {} }), await ipc.serve(freshName(), { f() {} })]
  assert.notEqual(caught(), before)
  for (const server of servers) await server.close()
  assert.equal(caught(), before)
})

const canUnshare = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0

test('SIGTERM ends the first process of a container, too', { skip: !canUnshare && 'needs PID namespaces' }, async t => {
  const name = freshName()
  const service = `import { serve } from 'ipcbridge'; await serve('${name}', { pid: () => process.pid })`
  const container = spawn('unshare', ['--pid', '--fork', process.execPath, '--input-type=module', '--eval', service], {
    cwd: new URL('.', import.meta.url),
    stdio: 'inherit',
  })
  const ended = once(container, 'exit')
  const remote = await ipc.connect(name)
  t.after(() => ipc.close(remote))
  assert.equal(await remote.pid(), 1)
  process.kill(ipc.status(remote).peer.pid, 'SIGTERM')
  assert.deepEqual(await ended, [143, null])
  assert.equal(existsSync(socketOf(name)), false)
})

test('the pid of a peer outside of the container is null', { skip: !canUnshare && 'needs PID namespaces' }, async t => {
  const name = freshName()
  const server = await ipc.serve(name, { f() {} })
  t.after(() => server.close())
  const client = `import ipc from 'ipcbridge'; const c = await ipc.connect('${name}'); console.log(JSON.stringify(ipc.status(c).peer)); await ipc.close(c)`
  const container = spawn('unshare', ['--pid', '--fork', process.execPath, '--input-type=module', '--eval', client], {
    cwd: new URL('.', import.meta.url),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  assert.deepEqual(JSON.parse(await text(container.stdout)), { pid: null, uid: process.getuid() })
})
