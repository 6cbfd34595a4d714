// Which AsyncLocalStorage stores handlers and listeners see: nobody's, whoever used ipcbridge first.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { freshName } from './support/names.mjs'

// A worker, so that the module is loaded and first used within stores.
async function seenBy(t, program) {
  const prelude = `
    const { AsyncLocalStorage } = require('node:async_hooks')
    const { parentPort, workerData: name } = require('node:worker_threads')
    const storage = new AsyncLocalStorage()
    const whose = () => storage.getStore() ?? 'nobody'
    const ipc = storage.run('importer', () =>
      require('node:module').createRequire(${JSON.stringify(import.meta.url)})('ipcbridge'))`
  const main = `;(async () => { ${program} })().then(seen => parentPort.postMessage(seen))`
  const worker = new Worker(prelude + main, { eval: true, workerData: freshName() })
  t.after(() => worker.terminate())
  const [seen] = await once(worker, 'message')
  return seen
}

for (const [first, order] of [
  ['serve', 'await serve(); const calc = await connect()'],
  ['connect', 'const found = connect(); await serve(); const calc = await found'],
]) {
  test(`handlers run in nobody's store when ${first}() was first called in somebody's`, async t => {
    const seen = await seenBy(
      t,
      `const later = async () => { await null; return whose() }
       const serve = () => storage.run('server', () => ipc.serve(name, { whose, later }))
       const connect = () => storage.run('alice', () => ipc.connect(name))
       ${order}
       return storage.run('bob', async () => [await calc.whose(), await calc.later(), whose()])`,
    )
    assert.deepEqual(seen, ['nobody', 'nobody', 'bob'])
  })
}

test("onState listeners run in nobody's store", async t => {
  const seen = await seenBy(
    t,
    `const server = await storage.run('server', () => ipc.serve(name, { whose }))
     const calc = await storage.run('alice', () => ipc.connect(name))
     const seen = []
     for (const endpoint of [server, calc]) {
       storage.run('listener', () => ipc.onState(endpoint, state => { if (state === 'closed') seen.push(whose()) }))
     }
     await storage.run('bob', () => ipc.close(calc))
     await storage.run('bob', () => server.close())
     return seen`,
  )
  assert.deepEqual(seen, ['nobody', 'nobody'])
})

test('a store that a handler enters does not reach later calls', async t => {
  const seen = await seenBy(
    t,
    `const enter = async who => { storage.enterWith(who); await null; return whose() }
     await ipc.serve(name, { enter, whose })
     const calc = await ipc.connect(name)
     return [await calc.enter('carol'), await calc.whose(), await calc.enter('dave'), await calc.whose()]`,
  )
  assert.deepEqual(seen, ['carol', 'nobody', 'dave', 'nobody'])
})
