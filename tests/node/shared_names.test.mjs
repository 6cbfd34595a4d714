// Many workers behind one name.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import ipc from 'ipcbridge'
import { start } from './support/children.mjs'
import { connect, serve } from './support/endpoints.mjs'
import { freshAddress, freshName, transports } from './support/names.mjs'

/** A process that serves the name beside others. */
async function startWorker(t, address) {
  const program = `await ipc.serve(argv.address, { pid: () => process.pid }, { shared: true }); say('up')`
  const child = start(t, program, { argv: { address } })
  await child.heard()
  return child
}

/** Waits until the client is connected to these processes, and to no others. */
async function knows(remote, pids) {
  const wanted = [...pids].sort().join()
  while (
    ipc
      .status(remote)
      .links.map(link => link.peer?.pid)
      .sort()
      .join() !== wanted
  ) {
    await new Promise(setImmediate)
  }
}

for (const transport of transports) {
  test(`calls are spread over the workers that come and go (${transport})`, async t => {
    const address = freshAddress(transport)
    const [one, two] = [await startWorker(t, address), await startWorker(t, address)]
    const remote = await connect(t, address)
    await knows(remote, [one.pid, two.pid])
    const first = [await remote.pid(), await remote.pid(), await remote.pid(), await remote.pid()]
    assert.deepEqual(first.sort(), [one.pid, one.pid, two.pid, two.pid].sort())
    assert.equal(ipc.status(remote).address, address)
    assert.deepEqual(
      ipc
        .status(remote)
        .links.map(link => link.address)
        .sort(),
      [`${address}@1`, `${address}@2`],
    )
    one.kill('SIGKILL')
    await knows(remote, [two.pid])
    assert.deepEqual([await remote.pid(), await remote.pid()], [two.pid, two.pid])
    const three = await startWorker(t, address)
    await knows(remote, [two.pid, three.pid])
    assert.deepEqual([await remote.pid(), await remote.pid()].sort(), [two.pid, three.pid].sort())
  })

  test(`a server that does not share the name asks all workers to leave, and no call fails (${transport})`, async t => {
    const address = freshAddress(transport)
    const [one, two] = [await startWorker(t, address), await startWorker(t, address)]
    const remote = await connect(t, address)
    await knows(remote, [one.pid, two.pid])
    const target = { pid: () => process.pid }
    await assert.rejects(ipc.serve(address, target, { takeover: 'fail' }), { code: 'already_exists' })
    const replaced = serve(t, address, target, { takeover: 'replace' })
    const pids = await Promise.all(Array.from({ length: 50 }, () => remote.pid()))
    await replaced
    assert.equal(pids.length, 50)
    await knows(remote, [process.pid])
    assert.equal(await remote.pid(), process.pid)
    assert.equal((await one.ended).code, 0)
    assert.equal((await two.ended).code, 0)
  })
}

test('threads of one process serve a name beside each other', async t => {
  const address = freshName()
  const program = `
    const { parentPort, threadId, workerData } = require('node:worker_threads')
    const ipc = require('node:module').createRequire(${JSON.stringify(import.meta.url)})('ipcbridge')
    ipc.serve(workerData, { thread: () => threadId }, { shared: true }).then(() => parentPort.postMessage('up'))`
  const threads = [1, 2].map(() => new Worker(program, { eval: true, workerData: address }))
  t.after(() => Promise.all(threads.map(thread => thread.terminate())))
  await Promise.all(threads.map(thread => new Promise(resolve => thread.once('message', resolve))))
  const remote = await connect(t, address)
  await knows(remote, [process.pid, process.pid])
  assert.equal(new Set([await remote.thread(), await remote.thread()]).size, 2)
})

test('shared is true or false, and not for a name within the process', async () => {
  await assert.rejects(ipc.serve(freshName(), { f() {} }, { shared: 1 }), { code: 'invalid_argument' })
  await assert.rejects(ipc.serve('inproc://calc', { f() {} }, { shared: true }), { code: 'invalid_argument' })
})
