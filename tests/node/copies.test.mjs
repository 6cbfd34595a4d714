// Several copies of the library in one process: a module registry that loads the JavaScript anew (Jest), npm duplicates.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import ipc from 'ipcbridge'
import { run } from './support/children.mjs'
import { copyPackage, loadAgain, loadPackage } from './support/copies.mjs'
import { freshName } from './support/names.mjs'

const copies = {
  'loaded anew over one addon': () => [loadAgain(), loadAgain()],
  'in directories of their own': t => [loadPackage(copyPackage(t)), loadPackage(copyPackage(t))],
}

/** A service and a client of it, of each of these copies. */
async function pairs(t, libraries) {
  return await Promise.all(
    libraries.map(async (library, index) => {
      const name = freshName()
      const states = []
      const server = await library.serve(name, { which: () => index, echo: x => x, hang: () => new Promise(() => {}) })
      library.onState(server, state => states.push(state))
      const remote = await library.connect(name)
      t.after(async () => {
        await library.close(remote)
        await server.close({ grace: 0 })
      })
      return { library, index, name, server, states, remote }
    }),
  )
}

for (const [how, load] of Object.entries(copies)) {
  describe(`copies ${how}`, () => {
    test('each have their own servers and clients, and see each other’s', async t => {
      const all = await pairs(t, [ipc, ...load(t)])
      for (const caller of all) {
        for (const service of all) {
          const remote = await caller.library.connect(service.name)
          assert.equal(await remote.which(), service.index)
          assert.deepEqual(await remote.echo(Buffer.alloc(100_000, 7)), Buffer.alloc(100_000, 7))
          await caller.library.close(remote)
        }
        assert.equal(caller.library.status(caller.server).state, 'listening')
        assert.deepEqual(caller.states, [])
      }
    })

    test('are busy at the same time', async t => {
      const all = await pairs(t, load(t))
      const sums = all.map(async ({ remote }) => {
        let sum = 0
        for (let i = 0; i < 500; i++) sum += await remote.echo(i)
        return sum
      })
      assert.deepEqual(await Promise.all(sums), [124_750, 124_750])
    })

    test('close what is theirs alone', async t => {
      const [one, two] = await pairs(t, load(t))
      const lost = assert.rejects(one.remote.hang(), { code: 'unavailable', sent: 'maybe' })
      const waiting = two.remote.hang()
      waiting.catch(() => {})
      await one.server.close({ grace: 0 })
      await lost
      await one.library.close(one.remote)
      assert.equal(await two.remote.echo('well'), 'well')
      assert.equal(two.library.status(two.server).runningCalls, 1)
      assert.equal(one.library.status(one.remote).state, 'closed')
      const fresh = freshName()
      await assert.rejects(one.library.connect(fresh, { connectTimeout: 0 }), { code: 'unavailable' })
    })

    test('work in a worker beside the main thread, and it may be terminated in the middle of calls', async t => {
      const [{ name, remote }] = await pairs(t, [ipc])
      const directories = [copyPackage(t), copyPackage(t)]
      const program = `
        const { parentPort, workerData } = require('node:worker_threads')
        const { createRequire } = require('node:module')
        const require_ = createRequire(workerData.url)
        const again = () => {
          for (const file of Object.keys(require_.cache)) if (file.includes('/js/dist/')) delete require_.cache[file]
          return require_('ipcbridge')
        }
        const libraries = workerData.anew ? [again(), again()] : workerData.directories.map(each => require_(each))
        const work = async (library, index) => {
          const name = workerData.name + '-' + index
          await library.serve(name, { echo: x => x, hang: () => new Promise(() => {}) })
          const [own, main] = [await library.connect(name), await library.connect(workerData.name)]
          for (const remote of [own, main]) for (let i = 0; i < 20; i++) remote.hang().catch(() => {})
          await Promise.all([own.echo(1), main.echo(1)])
          parentPort.postMessage('busy')
          for (;;) await Promise.all([own.echo(Buffer.alloc(50_000)), main.echo(2)])
        }
        libraries.forEach(work)`
      for (let round = 0; round < 5; round++) {
        const workerData = { url: import.meta.url, directories, anew: how.includes('anew'), name }
        const worker = new Worker(program, { eval: true, workerData })
        for (let each = 0; each < 2; each++) await once(worker, 'message')
        await worker.terminate()
        assert.equal(await remote.echo(round), round)
      }
    })
  })
}

test('copies with servers and clients that nobody closed leave the process well', async t => {
  const { code, signal, stderr } = await run(
    t,
    `const { loadAgain } = await import(argv.support)
     for (let round = 0; round < 5; round++) {
       const library = loadAgain()
       await library.serve('open-' + round, { echo: x => x, hang: () => new Promise(() => {}) })
       const remote = await library.connect('open-' + round)
       remote.hang().catch(() => {})
       await remote.echo(1)
     }
     process.exit(6)`,
    { argv: { support: new URL('support/copies.mjs', import.meta.url).href } },
  )
  assert.deepEqual({ code, signal }, { code: 6, signal: null }, stderr)
})

for (const doorbell of ['loop', 'thread']) {
  test(`a copy that has closed what it had, and that nobody holds, is given back (${doorbell})`, async t => {
    const { code, signal, stderr } = await run(
      t,
      `import { readdirSync } from 'node:fs'
       import { setFlagsFromString } from 'node:v8'
       import { runInNewContext } from 'node:vm'
       import { createRequire } from 'node:module'
       import { setImmediate } from 'node:timers/promises'
       const require = createRequire(argv.url)
       const file = require.resolve('ipcbridge')
       const Module = require('node:module')
       setFlagsFromString('--expose-gc')
       const gc = runInNewContext('gc')
       const use = async () => {
         for (const each of Object.keys(require.cache)) if (each.includes('/js/dist/')) delete require.cache[each]
         const library = Module._load(file)
         const server = await library.serve('given-back', { echo: x => x })
         const remote = await library.connect('given-back')
         await remote.echo(Buffer.alloc(100_000))
         await library.close(remote)
         await server.close()
       }
       const opened = () => readdirSync('/proc/self/fd').length
       await use()
       const before = opened()
       for (let round = 0; round < 20; round++) await use()
       for (let round = 0; round < 20 && opened() > before + 10; round++) {
         gc()
         await setImmediate()
       }
       if (opened() > before + 10) throw new Error(before + ' descriptors before, ' + opened() + ' after')
       const remote = await ipc.serve('after', { one: () => 1 }).then(() => ipc.connect('after'))
       process.exit(await remote.one() === 1 ? 6 : 9)`,
      {
        argv: { url: import.meta.url },
        env: { IPCBRIDGE_NODE_DOORBELL: doorbell },
      },
    )
    assert.deepEqual({ code, signal }, { code: 6, signal: null }, stderr)
  })
}
