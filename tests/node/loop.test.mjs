// Messages share the event loop with everything else that runs on it.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, get } from 'node:http'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { run, start } from './support/children.mjs'
import { connect, deferred, serveAndConnect, serveElsewhereAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

async function remoteEcho(t) {
  const { remote } = await serveElsewhereAndConnect(t)
  return remote
}

/** Keeps calls in flight until `stop` is called. */
function flood(remote, inFlight = 64) {
  let going = true
  let count = 0
  const all = Array.from({ length: inFlight }, async () => {
    while (going) {
      await remote.echo(count)
      count++
    }
  })
  return async () => {
    going = false
    await Promise.all(all)
    return count
  }
}

test('timers, immediates and I/O go on while calls flood the loop', async t => {
  const remote = await remoteEcho(t)
  const stop = flood(remote)
  const web = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1')
  t.after(() => web.close())
  for (let i = 0; i < 20; i++) {
    await new Promise(resolve => setTimeout(resolve, 1))
    await new Promise(resolve => setImmediate(resolve))
    await readFile(import.meta.filename ?? new URL(import.meta.url).pathname)
  }
  const text = await new Promise((resolve, reject) =>
    get({ port: web.address().port, host: '127.0.0.1', agent: false }, response => {
      response.on('data', resolve)
    }).on('error', reject),
  )
  assert.equal(String(text), 'hello')
  assert.ok((await stop()) > 1000)
})

test('one call after the other shares the loop as well', async t => {
  const remote = await remoteEcho(t)
  const stop = flood(remote, 1)
  for (let i = 0; i < 20; i++) {
    await new Promise(resolve => setTimeout(resolve, 1))
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.ok((await stop()) > 20)
})

test('a service that is called in its own process, without end, shares the loop with timers, files and closing', async t => {
  const { code, stdout, stderr } = await run(
    t,
    `
    import { readFile } from 'node:fs/promises'
    const server = await ipc.serve(argv.name, { echo: x => x })
    const remote = await ipc.connect(argv.name, { connectTimeout: 0 })
    const callWithoutEnd = async () => { while (true) await remote.echo(1) }
    const end = callWithoutEnd().catch(error => error.code)
    for (let i = 0; i < 3; i++) {
      await new Promise(resolve => setTimeout(resolve, 1))
      await new Promise(resolve => setImmediate(resolve))
      await readFile('/proc/self/stat')
    }
    await server.close()
    console.log(await end)
    `,
    { argv: { name: freshName() } },
  )
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'unavailable\n')
})

test('calls without end do not hide that the service has died', async t => {
  const { child, remote } = await serveElsewhereAndConnect(t)
  const callWithoutEnd = async () => {
    while (true) await ipc.withOptions(remote, { waitForReady: false }).echo(1)
  }
  const end = assert.rejects(callWithoutEnd(), { code: 'unavailable' })
  setTimeout(() => child.kill('SIGKILL'), 5)
  await end
})

test('timers, immediates and ticks made when a call is answered fire', async t => {
  const remote = await remoteEcho(t)
  for (let i = 0; i < 200; i++) {
    await remote.echo(i)
    const order = []
    const all = [
      new Promise(resolve => setTimeout(() => resolve(order.push('timeout')), 1)),
      new Promise(resolve => setImmediate(() => resolve(order.push('immediate')))),
      new Promise(resolve => process.nextTick(() => resolve(order.push('tick')))),
    ]
    await Promise.all(all)
    assert.equal(order[0], 'tick')
  }
})

test('a timer made when a call is answered fires on time with nothing else going on', async t => {
  const remote = await remoteEcho(t)
  for (let i = 0; i < 20; i++) {
    await remote.echo(i)
    const begun = performance.now()
    await new Promise(resolve => setTimeout(resolve, 10))
    const took = performance.now() - begun
    assert.ok(took > 9 && took < 500, `${took} ms`)
  }
})

test('nextTick and promise jobs run after each batch that a handler is in', async t => {
  const order = []
  const { remote } = await serveAndConnect(t, {
    run(n) {
      process.nextTick(() => order.push(`tick ${n}`))
      Promise.resolve().then(() => order.push(`job ${n}`))
      return n
    },
  })
  assert.equal(await remote.run(1), 1)
  assert.equal(await remote.run(2), 2)
  assert.deepEqual(order, ['tick 1', 'job 1', 'tick 2', 'job 2'])
})

test('an exception in a continuation is an uncaught exception and stops nothing', async t => {
  const remote = await remoteEcho(t)
  const caught = deferred()
  // node:test listens too, and would take it for a failure of this test.
  const listeners = process.rawListeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', caught.resolve)
  remote.echo(1).then(() =>
    process.nextTick(() => {
      throw new Error('from a tick')
    }),
  )
  const error = await caught.promise
  for (const listener of listeners) process.on('uncaughtException', listener)
  assert.equal(error.message, 'from a tick')
  assert.equal(await remote.echo(2), 2)
})

test('slow handlers do not hold the loop for a whole batch', async t => {
  const address = freshName()
  const child = start(
    t,
    `const spend = ms => { const end = performance.now() + ms; while (performance.now() < end); }
     let longest = 0, last = performance.now()
     const timer = setInterval(() => { const now = performance.now(); longest = Math.max(longest, now - last); last = now }, 1)
     await ipc.serve(argv.address, { slow: () => spend(2), longest: () => longest, reset: () => { longest = 0; last = performance.now() } })
     say('up')`,
    { argv: { address } },
  )
  await child.heard()
  const remote = await connect(t, address)
  await Promise.all(Array.from({ length: 100 }, () => remote.slow()))
  await remote.reset()
  await Promise.all(Array.from({ length: 300 }, () => remote.slow()))
  const longest = await remote.longest()
  assert.ok(longest < 300, `the timer waited ${longest} ms of 600`)
})

test('an async handler that takes long delays no other call', async t => {
  const gate = deferred()
  const { remote } = await serveAndConnect(t, { slow: () => gate.promise, quick: x => x })
  const slow = remote.slow()
  for (let i = 0; i < 100; i++) assert.equal(await remote.quick(i), i)
  gate.resolve('slow')
  assert.equal(await slow, 'slow')
})

test('a handler that calls its own process does not deadlock', async t => {
  const ends = {}
  const { remote } = await serveAndConnect(t, {
    outer: async n => (n === 0 ? 0 : 1 + (await ends.remote.outer(n - 1))),
  })
  ends.remote = remote
  assert.equal(await remote.outer(50), 50)
})

test('AsyncLocalStorage keeps its store over a call', async t => {
  const { AsyncLocalStorage } = await import('node:async_hooks')
  const remote = await remoteEcho(t)
  const storage = new AsyncLocalStorage()
  const seen = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      storage.run(i, async () => {
        await remote.echo(i)
        return storage.getStore()
      }),
    ),
  )
  assert.deepEqual(
    seen,
    Array.from({ length: 50 }, (_, i) => i),
  )
})

test('an exception while one message is handled leaves the others of its batch', async t => {
  const { code, stdout, stderr } = await run(
    t,
    `
    import runtime from '../../../js/dist/runtime.js'
    process.on('uncaughtException', error => console.log(error.message))
    let answer
    const answering = new Promise(resolve => { answer = resolve })
    const server = await ipc.serve(argv.name, {
      async echo(x) {
        if (x === 3) answer() // all at once, for one batch
        await answering
        return x
      },
    })
    const remote = await ipc.connect(argv.name)
    const { handlers } = runtime
    const { outcome } = handlers
    handlers.outcome = (event, bytes) => {
      handlers.outcome = outcome
      outcome(event, bytes)
      throw new Error('in the first')
    }
    console.log(String(await Promise.all([1, 2, 3].map(x => remote.echo(x)))))
    await server.close()
    `,
    { argv: { name: freshName() } },
  )
  assert.equal(code, 0, stderr)
  assert.deepEqual(stdout.trim().split('\n').sort(), ['1,2,3', 'in the first'])
})
