// Calls that are cancelled at random moments under load leave nothing behind, where they are made and where they are served.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import ipc from 'ipcbridge'
import { start } from './support/children.mjs'
import { connect } from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'

const calls = Number(process.env.IPCBRIDGE_TEST_CANCELS ?? 6000) // 100,000 take half a minute
const inFlight = 64
/** Of the heap, from the first quarter on. */
const mostGrowth = 2 * 1024 * 1024

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

const program = `
  import { setFlagsFromString } from 'node:v8'
  import { runInNewContext } from 'node:vm'
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  let told = 0
  const server = await ipc.serve(argv.address, {
    add: (a, b) => a + b,
    sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
    wait: () => new Promise((_, reject) => {
      const { signal } = ipc.context()
      signal.addEventListener('abort', () => { told++; reject(signal.reason) })
    }),
    heap: () => { gc(); return process.memoryUsage().heapUsed },
    told: () => told,
    others: () => server.status().runningCalls - 1, // than this one
  })
  say('up')`

/** Numbers below 1, the same in each run (mulberry32). */
function numbers(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** What a call may be, and when it is cancelled: 'wait' always, for it would never end. */
function kindOfCall(random) {
  const kind = random()
  if (kind < 0.4) return { method: 'add', args: [1, 2] }
  return kind < 0.7 ? { method: 'sleep', args: [2 * random()] } : { method: 'wait', args: [], isEndless: true }
}

const moments = [
  abort => abort(),
  abort => queueMicrotask(abort),
  abort => setImmediate(abort),
  (abort, random) => setTimeout(abort, 2 * random()),
]

/** Makes a call, and cancels it by its signal or its timeout, or not at all. Its code; undefined: it has ended. */
async function makeCall(remote, random) {
  const { method, args, isEndless } = kindOfCall(random)
  const way = random()
  const controller = new AbortController()
  const options = way < 0.2 ? { timeout: 2 * random() } : { signal: controller.signal }
  const call = ipc.withOptions(remote, options)[method](...args)
  const moment = moments[Math.floor(random() * moments.length)]
  if (way >= 0.2 && (isEndless || way < 0.8)) moment(() => controller.abort(), random)
  return call.then(
    () => undefined,
    error => error.code,
  )
}

for (const transport of ['shm', 'unix']) {
  test(`${transport}: calls that are cancelled at random moments leave nothing behind`, {
    timeout: 300_000,
  }, async t => {
    const address = freshAddress(transport)
    const child = start(t, program, { argv: { address } })
    await child.heard()
    const remote = await connect(t, address)
    const random = numbers(1)
    const outcomes = new Map()
    const heaps = async () => {
      gc()
      return [process.memoryUsage().heapUsed, await remote.heap()]
    }
    const make = async count => {
      let left = count
      const worker = async () => {
        while (left-- > 0) {
          const code = await makeCall(remote, random)
          outcomes.set(code, (outcomes.get(code) ?? 0) + 1)
        }
      }
      await Promise.all(Array.from({ length: inFlight }, worker))
    }
    await make(calls / 4)
    const before = await heaps()
    await make((calls * 3) / 4)
    while ((await remote.others()) > 0);
    const { pendingCalls, queuedCalls, queuedBytes } = ipc.status(remote)
    assert.deepEqual({ pendingCalls, queuedCalls, queuedBytes }, { pendingCalls: 0, queuedCalls: 0, queuedBytes: 0 })
    const grown = (await heaps()).map((heap, side) => heap - before[side])
    assert(Math.max(...grown) < mostGrowth, `the heaps have grown by ${grown} bytes`)
    assert.deepEqual([...outcomes.keys()].sort(), ['cancelled', 'deadline_exceeded', undefined])
    assert(Math.min(...outcomes.values()) > calls / 100)
    assert((await remote.told()) > calls / 100)
    assert.equal(await remote.add(1, 2), 3)
  })
}
