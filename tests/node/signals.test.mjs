// closeOnSignals(): a process that is told to end lets calls finish.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import ipc from 'ipcbridge'
import { start } from './support/children.mjs'
import { freshName } from './support/names.mjs'

const hold = `
  let release
  const held = new Promise(resolve => { release = resolve })
  const hold = async () => {
    ipc.context().signal.addEventListener('abort', () => say('cancelled'))
    say('held')
    await held
    return 'done'
  }
`

/** A process that serves `name`, closes on signals and releases `hold` when it is told; and a client of it. */
async function serving(t, options = '{}', { last = '', under, argv } = {}) {
  const name = freshName()
  const child = start(
    t,
    `${hold}
    const server = await ipc.serve(argv.name, { hold, pid: () => process.pid })
    setInterval(() => {}, 60_000) // something else that keeps the process alive
    ipc.onState(server, state => say(state))
    ipc.closeOnSignals(server, ${options})
    ${last}
    say('up')
    await hear()
    release()`,
    { argv: { name, ...argv }, under },
  )
  assert.equal(await child.heard(), 'up')
  const remote = await ipc.connect(name, { connectTimeout: 60_000 })
  t.after(() => ipc.close(remote))
  return { child, remote, name }
}

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
]) {
  test(`${signal} lets a call finish, and then ends the process`, async t => {
    const { child, remote } = await serving(t)
    const call = remote.hold()
    assert.equal(await child.heard(), 'held')
    child.kill(signal)
    assert.equal(await child.heard(), 'closing')
    child.tell('release')
    assert.equal(await call, 'done')
    assert.deepEqual(await child.ended, { code, signal: null, stdout: '', stderr: '' })
  })
}

test('handlers that outlive the grace are cancelled', async t => {
  const { child, remote } = await serving(t, '{ grace: 20 }')
  const call = remote.hold()
  const failed = assert.rejects(call, { code: 'unavailable' })
  assert.equal(await child.heard(), 'held')
  child.kill('SIGTERM')
  assert.equal(await child.heard(), 'closing')
  assert.equal(await child.heard(), 'cancelled')
  await failed
  assert.equal((await child.ended).code, 143)
})

test('a second signal ends the process at once', async t => {
  const { child, remote } = await serving(t, '{ grace: null }')
  const call = remote.hold()
  const failed = assert.rejects(call, { code: 'unavailable' })
  assert.equal(await child.heard(), 'held')
  child.kill('SIGTERM')
  assert.equal(await child.heard(), 'closing')
  child.kill('SIGINT')
  assert.equal((await child.ended).code, 130)
  await failed
})

test('beforeExit is awaited, after the servers are closed', async t => {
  const { child } = await serving(
    t,
    `{ beforeExit: async signal => { await null; say(signal + ' ' + ipc.status(server).state) }, exitCode: 0 }`,
  )
  child.kill('SIGTERM')
  assert.equal(await child.heard(), 'closing')
  assert.equal(await child.heard(), 'closed')
  assert.equal(await child.heard(), 'SIGTERM closed')
  assert.equal((await child.ended).code, 0)
})

test('a beforeExit that fails is told, and makes the exit code 1', async t => {
  const { child } = await serving(t, `{ beforeExit: () => { throw new Error('of the test') }, exitCode: 0 }`)
  child.kill('SIGTERM')
  const ended = await child.ended
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, /beforeExit.*of the test/s)
})

test('all servers of the process are closed before it ends', async t => {
  const other = freshName()
  const { child, remote } = await serving(t, '{}', {
    argv: { other },
    last: 'ipc.closeOnSignals(await ipc.serve(argv.other, { hold }), { grace: 10_000 })',
  })
  const second = await ipc.connect(other, { connectTimeout: 60_000 })
  t.after(() => ipc.close(second))
  const call = second.hold()
  assert.equal(await child.heard(), 'held')
  child.kill('SIGTERM')
  assert.equal(await child.heard(), 'closing')
  assert.equal(await child.heard(), 'closed')
  assert.equal(ipc.status(remote).state, 'reconnecting')
  child.tell('release')
  assert.equal(await call, 'done')
  assert.equal((await child.ended).code, 143)
})

test('other signals can be asked for', async t => {
  const { child } = await serving(t, `{ signals: ['SIGUSR2'] }`)
  child.kill('SIGUSR2')
  assert.equal(await child.heard(), 'closing')
  assert.equal((await child.ended).code, 128 + 12)
})

test('signals are handled as before when the servers are closed, or the function returned is called', async () => {
  const listeners = () => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')
  const servers = [await ipc.serve(freshName(), { f() {} }), await ipc.serve(freshName(), { f() {} })]
  ipc.closeOnSignals(servers[0])
  const end = ipc.closeOnSignals(servers)
  assert.equal(listeners(), 2)
  end()
  assert.equal(listeners(), 2)
  for (const server of servers) await server.close()
  assert.equal(listeners(), 0)
  ipc.closeOnSignals(servers)
  assert.equal(listeners(), 0)
})

test('a signal then ends a process as it would without, and leaves no socket behind', async t => {
  const name = freshName()
  const program = `const server = await ipc.serve(argv.name, { f() {} }); ipc.closeOnSignals(server)(); say('up')`
  const child = start(t, program, { argv: { name } })
  await child.heard()
  child.kill('SIGTERM')
  assert.equal((await child.ended).signal, 'SIGTERM')
  assert.equal(existsSync(`${process.env.IPCBRIDGE_DIR}/${name}.sock`), false)
})

test('what is no server, and wrong options, are refused', async t => {
  const server = await ipc.serve(freshName(), { f() {} })
  t.after(() => server.close())
  const refused = { code: 'invalid_argument' }
  assert.throws(() => ipc.closeOnSignals({}), refused)
  assert.throws(() => ipc.closeOnSignals([server, undefined]), refused)
  assert.throws(() => ipc.closeOnSignals(server, { grace: -1 }), refused)
  assert.throws(() => ipc.closeOnSignals(server, { signals: ['SIGKILL'] }), refused)
  assert.throws(() => ipc.closeOnSignals(server, { signals: ['toString'] }), refused)
  assert.throws(() => ipc.closeOnSignals(server, { signals: 'SIGTERM' }), refused)
  assert.throws(() => ipc.closeOnSignals(server, { signals: 15 }), refused)
  assert.throws(() => ipc.closeOnSignals(server, { exitCode: 256 }), refused)
  assert.equal(process.listenerCount('SIGTERM'), 0)
})

test('a worker is told that signals do not reach it', async t => {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    const ipc = require('ipcbridge')
    ipc.serve(workerData, { f() {} }).then(server => {
      try { ipc.closeOnSignals(server) } catch (error) { parentPort.postMessage(error.code) }
    })`
  const worker = new Worker(program, { eval: true, workerData: freshName() })
  t.after(() => worker.terminate())
  assert.deepEqual(await once(worker, 'message'), ['failed_precondition'])
})

const canUnshare = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0

test('the first process of a container lets calls finish, too', {
  skip: !canUnshare && 'needs PID namespaces',
}, async t => {
  const { child, remote } = await serving(t, '{}', { under: ['unshare', '--pid', '--fork', '--kill-child'] })
  assert.equal(await remote.pid(), 1)
  const call = remote.hold()
  assert.equal(await child.heard(), 'held')
  process.kill(ipc.status(remote).peer.pid, 'SIGTERM')
  assert.equal(await child.heard(), 'closing')
  child.tell('release')
  assert.equal(await call, 'done')
  assert.equal((await child.ended).code, 143)
})
