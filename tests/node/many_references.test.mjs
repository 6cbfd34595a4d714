// Functions and objects by reference that are made and released many times leave nothing behind.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { cycle, cycleService } from './support/cycles.mjs'
import { serveAndConnect } from './support/endpoints.mjs'
import { gc, hasGrownLittle, ownMemory } from './support/memory.mjs'
import { freshAddress } from './support/names.mjs'
import { arrivedCount, ownedCount } from './support/references.mjs'

const cycles = Number(process.env.IPCBRIDGE_TEST_CYCLES ?? 4000) // a million take some minutes
const warmUp = cycles / 10
/** V8 may grow by as much in one of them, for the code that it makes of what runs; a leak is in each. */
const rounds = 6
/** Of the heap a hundred bytes in each cycle are too much, and of a million cycles less than that; of all, ninety. */
const mostGrowth = { heap: Math.min(100 * cycles, 32 << 20), all: (process.env.IPCBRIDGE_SANITIZED ? 512 : 64) << 20 }

for (const transport of ['shm', 'unix']) {
  test(`${transport}: references made and released leave nothing behind`, async t => {
    const { remote } = await serveAndConnect(t, cycleService(), { address: freshAddress(transport) })
    const held = arrivedCount()
    const settle = async () => {
      while (ownedCount() > 0) await remote.keep(null)
      while (arrivedCount() > held) {
        gc()
        await new Promise(setImmediate)
      }
    }
    await cycle(remote, warmUp)
    await settle()
    const isLeftClean = async () => {
      const before = await ownMemory()
      await cycle(remote, cycles)
      await settle()
      return hasGrownLittle(t, before, await ownMemory(), mostGrowth)
    }
    let round = 1
    while (!(await isLeftClean())) assert(round++ < rounds, 'it has grown in each round')
    const { pendingCalls, runningCalls, openStreams } = ipc.status(remote)
    assert.deepEqual({ pendingCalls, runningCalls, openStreams }, { pendingCalls: 0, runningCalls: 0, openStreams: 0 })
  })
}
