import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { run } from './support/children.mjs'
import { connect, serveAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

const prelude = `
  const { parentPort, workerData } = require('node:worker_threads');
  const ipc = require('node:module').createRequire(${JSON.stringify(import.meta.url)})('ipcbridge');
`

function work(t, program, workerData) {
  const worker = new Worker(`${prelude}\n(async () => { ${program} })()`, { eval: true, workerData })
  t.after(() => worker.terminate())
  return worker
}

test('a worker calls a service of the main thread', async t => {
  const { address } = await serveAndConnect(t, { add: (a, b) => a + b })
  const worker = work(
    t,
    `const calc = await ipc.connect(workerData)
     let sum = 0
     for (let i = 0; i < 1000; i++) sum = await calc.add(sum, 1)
     parentPort.postMessage(sum)`,
    address,
  )
  const exit = once(worker, 'exit')
  assert.deepEqual(await once(worker, 'message'), [1000])
  assert.deepEqual(await exit, [0])
})

test('the main thread calls a service of a worker', async t => {
  const name = freshName()
  work(t, `await ipc.serve(workerData, { id: () => require('node:worker_threads').threadId })`, name)
  const remote = await connect(t, name)
  assert.ok((await remote.id()) > 0)
})

test('workers that come and go with calls in flight leave the process well', async t => {
  const { address, remote } = await serveAndConnect(t, { echo: x => x, hang: () => new Promise(() => {}) })
  for (let round = 0; round < 10; round++) {
    const worker = work(
      t,
      `const r = await ipc.connect(workerData)
       for (let i = 0; i < 100; i++) { r.echo(i).catch(() => {}); r.hang().catch(() => {}) }
       await r.echo(1)
       parentPort.postMessage('busy')
       for (;;) await r.echo(1)`,
      address,
    )
    await once(worker, 'message')
    await worker.terminate()
  }
  assert.equal(await remote.echo('well'), 'well')
})

// It is blocked when the answers come, and then ended: its event loop takes one more turn, which finds them.
test('a worker that is terminated with long messages on their way to it leaves the process well', async t => {
  const program = `${prelude}
    const { address, flag } = workerData
    ipc.connect(address).then(remote => setImmediate(() => {
      for (let i = 0; i < 2; i++) remote.long().catch(() => {})
      Atomics.wait(flag, 0, 0)
    }))`
  const { code, signal, stderr } = await run(
    t,
    `import { Worker } from 'node:worker_threads'
     let asked
     let count = 0
     const server = await ipc.serve('long', {
       long: () => { if (++count % 2 === 0) setImmediate(asked); return Buffer.alloc(20_000) },
     })
     for (let round = 0; round < 5; round++) {
       const answered = new Promise(resolve => { asked = resolve })
       const flag = new Int32Array(new SharedArrayBuffer(4))
       const worker = new Worker(argv.program, { eval: true, execArgv: [], workerData: { address: 'long', flag } })
       await answered
       await worker.terminate()
     }
     process.exit(6)`,
    { argv: { program } },
  )
  assert.deepEqual({ code, signal }, { code: 6, signal: null }, stderr)
})

test('process.exit in a worker, from a handler, ends the worker only', async t => {
  const name = freshName()
  const worker = work(
    t,
    `await ipc.serve(workerData, { leave: () => process.exit(3), echo: x => x }); parentPort.postMessage('up')`,
    name,
  )
  await once(worker, 'message')
  const remote = await connect(t, name)
  const exit = once(worker, 'exit')
  await assert.rejects(remote.leave(), { code: 'unavailable', sent: 'maybe' })
  assert.deepEqual(await exit, [3])
})

test('many workers at once, each with its own connection', async t => {
  const { address } = await serveAndConnect(t, { echo: x => x })
  const workers = Array.from({ length: 6 }, (_, i) =>
    work(
      t,
      `const r = await ipc.connect(workerData.address)
       const all = await Promise.all(Array.from({ length: 500 }, (_, i) => r.echo(i)))
       parentPort.postMessage(all.reduce((a, b) => a + b))`,
      { address, i },
    ),
  )
  const sums = await Promise.all(workers.map(worker => once(worker, 'message')))
  assert.deepEqual(
    sums.map(([sum]) => sum),
    Array(6).fill((499 * 500) / 2),
  )
})

test('a process whose worker serves ends well', async t => {
  const program = `${prelude} ipc.serve('in-worker', { one: () => 1 }).then(() => parentPort.postMessage('up'))`
  const { code, signal, stderr } = await run(
    t,
    `import { Worker } from 'node:worker_threads'
     import { once } from 'node:events'
     await once(new Worker(argv.program, { eval: true, execArgv: [] }), 'message')
     const r = await ipc.connect('in-worker')
     if (await r.one() !== 1) process.exit(9)
     process.exit(6)`,
    { argv: { program } },
  )
  assert.deepEqual({ code, signal }, { code: 6, signal: null }, stderr)
})
