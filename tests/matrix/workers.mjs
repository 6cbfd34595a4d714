// Twenty workers at once, which serve, call and are called, are terminated in the middle of it, and the process goes on.

import assert from 'node:assert'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import ipc from 'ipcbridge'

const count = 20
const target = { echo: value => value, hang: () => new Promise(() => {}) }

async function work({ address, own }) {
  await ipc.serve(own, target)
  // The main thread may be busy with making the other workers.
  const remotes = [await ipc.connect(address, { connectTimeout: 60_000 }), await ipc.connect(own)]
  for (const remote of remotes) for (let i = 0; i < 10; i++) remote.hang().catch(() => {})
  for (const remote of remotes) assert.strictEqual(await remote.echo('well'), 'well')
  parentPort.postMessage('connected')
  await once(parentPort, 'message')
  for (let round = 0; ; round++) {
    for (const remote of remotes) await remote.echo(Buffer.alloc(10_000))
    if (round === 10) parentPort.postMessage('busy')
  }
}

async function main([address]) {
  const server = await ipc.serve(address, target)
  const remote = await ipc.connect(address)
  const workers = Array.from({ length: count }, (_, i) => {
    return new Worker(fileURLToPath(import.meta.url), { workerData: { address, own: `${address}-${i}` } })
  })
  const exits = workers.map(worker => once(worker, 'exit'))
  await Promise.all(workers.map(worker => once(worker, 'message')))
  for (const worker of workers) worker.postMessage('go')
  await Promise.all(workers.map(worker => once(worker, 'message')))
  await Promise.all(workers.map(worker => worker.terminate()))
  await Promise.all(exits)
  assert.strictEqual(await remote.echo('well'), 'well')
  server.close({ grace: 0 })
  process.stdout.write('ok\n')
}

if (isMainThread) main(process.argv.slice(2))
else work(workerData)
