// The other side is killed with 1,000 streams and 1,000 callbacks open: everybody is told, once, and nothing is left.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import ipc from 'ipcbridge'
import { start } from './support/children.mjs'
import { connect, serve, serveElsewhere } from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

const many = 1000
const few = { streamWindowItems: 4 }
const mostLeft = 32 * 2 ** 20 // bytes

const descriptors = () => readdirSync('/proc/self/fd').length
const times = (count, make) => Array.from({ length: count }, (_, i) => make(i))

async function until(satisfied) {
  while (!satisfied()) await turn()
}

function memory() {
  gc()
  const { external, heapUsed } = process.memoryUsage()
  return external + heapUsed
}

/** What the status tells of what is under way. */
const underWay = endpoint => {
  const { openStreams, stalledStreams, pendingCalls, runningCalls } = ipc.status(endpoint)
  return { openStreams, stalledStreams: stalledStreams?.count ?? 0, pendingCalls, runningCalls }
}

const nothing = { openStreams: 0, stalledStreams: 0, pendingCalls: 0, runningCalls: 0 }

/** Rejections by their codes and what is told of sending. */
async function tally(promises) {
  const counts = {}
  for (const { reason } of await Promise.allSettled(promises)) {
    const key = reason === undefined ? 'none' : `${reason.code}, sent ${reason.sent}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

for (const transport of ['shm', 'unix']) {
  test(`${transport}: a service outlives the client of 1,000 streams and 1,000 callbacks`, async t => {
    const address = freshAddress(transport)
    const asked = []
    let cleaned = 0
    const server = await serve(t, address, {
      *ticks() {
        try {
          for (let tick = 0; ; tick++) yield tick
        } finally {
          cleaned++
        }
      },
      ask: fn => {
        const call = fn()
        asked.push(call)
        return call
      },
      add: (a, b) => a + b,
    })
    const other = await connect(t, address)
    const before = [descriptors(), memory()]
    const child = start(
      t,
      `const remote = await ipc.connect(argv.address, { limits: argv.few })
       const streams = await Promise.all(Array.from({ length: argv.many }, () => remote.ticks()))
       globalThis.readers = streams.map(stream => stream[Symbol.asyncIterator]())
       for (const reader of readers) await reader.next()
       globalThis.calls = Array.from({ length: argv.many }, () => remote.ask(() => new Promise(() => {})))
       say('open')
       await Promise.all(calls)`,
      { argv: { address, many, few } },
    )
    await child.heard()
    const all = { openStreams: many, stalledStreams: many, pendingCalls: many, runningCalls: many }
    await until(() => isDeepStrictEqual(underWay(server), all))
    assert.equal(await other.add(1, 2), 3)
    child.kill('SIGKILL')
    assert.deepEqual(await tally(asked), { 'unavailable, sent maybe': many })
    await until(() => cleaned >= many && ipc.status(server).connections === 1)
    assert.deepEqual(underWay(server), nothing)
    assert.equal(await other.add(1, 2), 3)
    await child.ended
    asked.length = 0
    await until(() => memory() - before[1] < mostLeft && descriptors() <= before[0])
    assert.equal(cleaned, many)
  })

  test(`${transport}: a client outlives the service of 1,000 streams and 1,000 callbacks`, async t => {
    const address = freshAddress(transport)
    const target = `{
      async *ticks() { yield 0; await new Promise(() => {}) },
      hold: async (fn, numbers) => { await fn() },
      add: (a, b) => a + b,
    }, { limits: ${JSON.stringify(few)} }`
    const child = await serveElsewhere(t, address, { target })
    await ipc.close(await ipc.connect(address)) // opens what a process keeps
    const before = [descriptors(), memory()]
    let [cleaned, begun, aborted] = [0, 0, 0]
    function* numbers() {
      try {
        for (let number = 0; ; number++) yield number
      } finally {
        cleaned++
      }
    }
    const callback = () => {
      begun++
      return new Promise(resolve => {
        ipc.context().signal.addEventListener('abort', () => resolve(aborted++))
      })
    }
    const remote = await ipc.connect(address)
    t.after(() => ipc.close(remote))
    const streams = await Promise.all(times(many, () => remote.ticks()))
    const readers = streams.map(stream => stream[Symbol.asyncIterator]())
    for (const reader of readers) assert.equal((await reader.next()).value, 0)
    const waiting = readers.map(reader => reader.next())
    const calls = times(many, () => remote.hold(callback, numbers()))
    const all = { openStreams: 2 * many, stalledStreams: many, pendingCalls: many, runningCalls: many }
    await until(() => isDeepStrictEqual(underWay(remote), all))
    const lost = [tally(waiting), tally(calls)]
    child.kill('SIGKILL')
    for (const each of lost) assert.deepEqual(await each, { 'unavailable, sent maybe': many })
    await until(() => cleaned >= many && aborted >= many)
    assert.deepEqual(underWay(remote), nothing)
    await child.ended
    await serveElsewhere(t, address, { target })
    assert.equal(await remote.add(1, 2), 3)
    waiting.length = calls.length = readers.length = streams.length = 0
    await until(() => memory() - before[1] < mostLeft)
    await ipc.close(remote)
    await until(() => descriptors() <= before[0])
    assert.deepEqual([cleaned, begun, aborted], [many, many, many])
  })
}
