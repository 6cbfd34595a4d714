// server.unref(): what does not keep the process alive.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { run, start } from './support/children.mjs'
import { freshName } from './support/names.mjs'

const argv = () => ({ argv: { name: freshName() } })

test('a process ends although its server is open, once that is unreferenced', async t => {
  const program = 'const server = await ipc.serve(argv.name, { f() {} }); if (server.unref() !== server) throw server'
  assert.deepEqual(await run(t, program, argv()), { code: 0, signal: null, stdout: '', stderr: '' })
})

test('ref() has it stay, however often either is called', async t => {
  const name = freshName()
  const child = start(
    t,
    `const server = await ipc.serve(argv.name, { leave: () => void server.unref() })
    server.unref().unref().ref().ref()
    say('up')`,
    { argv: { name } },
  )
  await child.heard()
  const remote = await ipc.connect(name)
  t.after(() => ipc.close(remote))
  await remote.leave()
  assert.equal((await child.ended).code, 0)
})

test('a server that is being closed keeps the process alive until it is', async t => {
  const program = `
    const server = (await ipc.serve(argv.name, { f() {} })).unref()
    await server.close()
    server.ref().unref()
    console.log('closed')`
  assert.deepEqual(await run(t, program, argv()), { code: 0, signal: null, stdout: 'closed\n', stderr: '' })
})

test('of two servers one is enough to stay', async t => {
  const name = freshName()
  const child = start(
    t,
    `const other = (await ipc.serve(argv.name + '.other', { f() {} })).unref()
    const server = await ipc.serve(argv.name, { stop: () => void server.close() })
    await other.close()
    say('up')`,
    { argv: { name } },
  )
  await child.heard()
  const remote = await ipc.connect(name)
  t.after(() => ipc.close(remote))
  await remote.stop()
  assert.equal((await child.ended).code, 0)
})
