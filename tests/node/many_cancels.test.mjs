// Calls that are cancelled at random moments under load leave nothing behind, where they are made and where they are served.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { cancelMany, numbers } from './support/cancels.mjs'
import { start } from './support/children.mjs'
import { connect } from './support/endpoints.mjs'
import { hasGrownLittle, ownMemory } from './support/memory.mjs'
import { freshAddress } from './support/names.mjs'

const calls = Number(process.env.IPCBRIDGE_TEST_CANCELS ?? 6000) // 100,000 take half a minute
/** From the first quarter on. */
const mostGrowth = { heap: 2 << 20, all: (process.env.IPCBRIDGE_SANITIZED ? 256 : 32) << 20 }

const program = `
  import { ownMemory } from './memory.mjs'
  let told = 0
  const server = await ipc.serve(argv.address, {
    add: (a, b) => a + b,
    sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
    wait: _milliseconds => new Promise((_, reject) => {
      const { signal } = ipc.context()
      signal.addEventListener('abort', () => { told++; reject(signal.reason) })
    }),
    memory: ownMemory,
    told: () => told,
    others: () => server.status().runningCalls - 1, // than this one
  })
  say('up')`

for (const transport of ['shm', 'unix']) {
  test(`${transport}: calls that are cancelled at random moments leave nothing behind`, async t => {
    const address = freshAddress(transport)
    const child = start(t, program, { argv: { address } })
    await child.heard()
    const remote = await connect(t, address)
    const random = numbers(1)
    const memories = async () => [await ownMemory(), await remote.memory()]
    await cancelMany(remote, calls / 4, random)
    const before = await memories()
    const outcomes = await cancelMany(remote, (calls * 3) / 4, random)
    while ((await remote.others()) > 0);
    const { pendingCalls, queuedCalls, queuedBytes } = ipc.status(remote)
    assert.deepEqual({ pendingCalls, queuedCalls, queuedBytes }, { pendingCalls: 0, queuedCalls: 0, queuedBytes: 0 })
    const after = await memories()
    for (const side of [0, 1]) assert(hasGrownLittle(t, before[side], after[side], mostGrowth))
    assert.deepEqual(Object.keys(outcomes).sort(), ['cancelled', 'deadline_exceeded', 'ended'])
    assert(Math.min(...Object.values(outcomes)) > calls / 100)
    assert((await remote.told()) > calls / 100)
    assert.equal(await remote.add(1, 2), 3)
  })
}
