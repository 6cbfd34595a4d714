// Streams between processes and threads: the other end dies, is dropped, or is in a worker.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import ipc from 'ipcbridge'
import { run, start } from './support/children.mjs'
import { connect, deferred, serve, serveElsewhere } from './support/endpoints.mjs'
import { freshAddress, freshName } from './support/names.mjs'
import { watched } from './support/streams.mjs'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

const target = `{
  async *ticks() { for (let tick = 0; ; tick++) { yield tick; if (tick === 2) await new Promise(() => {}) } },
  *slabs(count) {
    for (let slab = 0; slab < count; slab++) {
      for (const until = performance.now() + 2; performance.now() < until; );
      yield Buffer.alloc(300_000, slab)
    }
  },
  *numbers(count) { for (let number = 0; number < count; number++) yield number },
  async drain(items) { for await (const item of items) if (item === 2) await new Promise(() => {}) },
  async count(items) { let count = 0; for await (const _ of items) count++; return count },
}`

for (const transport of ['shm', 'unix']) {
  test(`${transport}: killing the service fails the streams that are read with unavailable`, async t => {
    const address = freshAddress(transport)
    const child = await serveElsewhere(t, address, { target })
    const remote = await connect(t, address)
    const streams = await Promise.all(Array.from({ length: 100 }, () => remote.ticks()))
    const readers = streams.map(stream => stream[Symbol.asyncIterator]())
    for (const reader of readers) for (const tick of [0, 1, 2]) assert.equal((await reader.next()).value, tick)
    const waiting = readers.map(reader => reader.next())
    child.kill('SIGKILL')
    const lost = { code: 'unavailable', sent: 'maybe', message: /^ticks\(\): its stream broke off: / }
    await Promise.all(waiting.map(next => assert.rejects(next, lost)))
    for (const reader of readers) assert.deepEqual(await reader.next(), { done: true, value: undefined })
  })

  test(`${transport}: a stream whose result has not been sent ends with its client`, async t => {
    const address = freshAddress(transport)
    const closed = deferred()
    const endless = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 1 }),
        return: () => closed.resolve() ?? { done: true, value: undefined },
      }),
    }
    const server = await serve(t, address, {
      answer: pid => {
        process.kill(pid, 'SIGSTOP')
        return [Buffer.alloc(30_000_000), ipc.stream(endless)]
      },
    })
    const program = 'await (await ipc.connect(argv.address)).answer(process.pid)'
    const child = start(t, program, { argv: { address } })
    while (ipc.status(server).openStreams !== 1) await turn()
    child.kill('SIGKILL')
    await closed.promise
  })

  test(`${transport}: what had come before the service was killed is still read`, async t => {
    const address = freshAddress(transport)
    const child = await serveElsewhere(t, address, { target })
    const remote = await connect(t, address)
    const reader = (await remote.ticks())[Symbol.asyncIterator]()
    assert.equal((await reader.next()).value, 0)
    child.kill('SIGKILL')
    await child.ended
    const ticks = []
    await assert.rejects(
      async () => {
        for await (const tick of reader) ticks.push(tick)
      },
      { code: 'unavailable' },
    )
    assert.deepEqual(ticks, [1, 2])
  })

  test(`${transport}: killing the reader runs the finally of what it read, once`, async t => {
    const address = freshAddress(transport)
    const source = watched()
    await serve(t, address, source)
    const reader = start(
      t,
      `const remote = await ipc.connect(argv.address)
       for await (const item of remote.stuck()) say(item)`,
      { argv: { address } },
    )
    await reader.heard()
    reader.kill('SIGKILL')
    await source.ended
    await turn()
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: killing the service runs the finally of the arguments that it read, once`, async t => {
    const address = freshAddress(transport)
    const child = await serveElsewhere(t, address, { target })
    const remote = await connect(t, address)
    const source = watched()
    const call = remote.drain(source.later())
    while (source.made < 3) await turn()
    child.kill('SIGKILL')
    await assert.rejects(call, { code: 'unavailable' })
    await source.ended
    await turn()
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: a slow reader holds back a service in another process, in bounded memory`, async t => {
    const address = freshAddress(transport)
    await serveElsewhere(t, address, { target })
    const remote = await connect(t, address)
    const before = process.memoryUsage()
    let next = 0
    for await (const number of remote.numbers(200_000)) {
      if (number !== next++) assert.fail(`${number} came instead of ${next - 1}`)
      if (number % 1000 === 0) await turn()
    }
    assert.equal(next, 200_000)
    const { external } = process.memoryUsage()
    assert.ok(external - before.external < 8 * 2 ** 20, `${external - before.external} bytes more`)
  })

  test(`${transport}: items that take long to make and fill the window each come all`, async t => {
    const address = freshAddress(transport)
    await serveElsewhere(t, address, { target })
    const remote = await connect(t, address)
    let next = 0
    for await (const slab of remote.slabs(100)) assert.equal(slab[0], next++)
    assert.equal(next, 100)
  })

  test(`${transport}: a process stays for as long as it reads a stream, or is read`, async t => {
    const address = freshAddress(transport)
    await serveElsewhere(t, address, { target })
    const program = `
      const remote = await ipc.connect(argv.address)
      let read = 0
      for await (const _ of remote.numbers(50000)) read++
      async function* slow() { for (let i = 0; i < 3; i++) { await new Promise(r => setTimeout(r, 5)); yield i } }
      console.log(read, await remote.count(slow()))
    `
    const { code, stdout, stderr } = await run(t, program, { argv: { address } })
    assert.deepEqual([code, stdout, stderr], [0, '50000 3\n', ''])
  })

  test(`${transport}: a stream that nobody reads keeps no process`, async t => {
    const address = freshAddress(transport)
    await serveElsewhere(t, address, { target })
    const program = `
      const remote = await ipc.connect(argv.address)
      globalThis.kept = await remote.ticks()
    `
    assert.equal((await run(t, program, { argv: { address } })).code, 0)
  })

  test(`${transport}: a stream that nobody holds any more is cancelled`, async t => {
    const address = freshAddress(transport)
    const source = watched()
    await serve(t, address, source)
    const remote = await connect(t, address)
    const readOne = async () => {
      const reader = (await remote.later())[Symbol.asyncIterator]()
      await reader.next()
    }
    await readOne()
    while (source.cleaned === 0) {
      gc()
      await turn()
    }
    assert.equal(source.cleaned, 1)
  })
}

test('a stream that is read keeps the connection that nobody holds', async t => {
  const address = freshName()
  const go = deferred()
  await serve(t, address, {
    async *rows() {
      yield 1
      await go.promise
      yield 2
    },
  })
  const open = async () => (await (await ipc.connect(address)).rows())[Symbol.asyncIterator]()
  const reader = await open()
  assert.equal((await reader.next()).value, 1)
  for (let turns = 0; turns < 5; turns++) {
    gc()
    await turn()
  }
  go.resolve()
  assert.equal((await reader.next()).value, 2)
  assert.equal((await reader.next()).done, true)
})

test('workers stream to each other', async t => {
  const address = freshName()
  const inWorker = async program => {
    const prelude = `
      const { parentPort, workerData } = require('node:worker_threads')
      const ipc = require('node:module').createRequire(${JSON.stringify(import.meta.url)})('ipcbridge')
    `
    const worker = new Worker(`${prelude}; (async () => { ${program} })()`, { eval: true, workerData: address })
    t.after(() => worker.terminate())
    const [message] = await once(worker, 'message')
    return message
  }
  await inWorker(`
    await ipc.serve(workerData, { async *doubled(items) { for await (const item of items) yield 2 * item } })
    parentPort.postMessage('up')
  `)
  const total = await inWorker(`
    const remote = await ipc.connect(workerData)
    let total = 0
    for await (const item of remote.doubled((function* () { for (let i = 0; i < 1000; i++) yield i })())) total += item
    parentPort.postMessage(total)
  `)
  assert.equal(total, 999_000)
})
