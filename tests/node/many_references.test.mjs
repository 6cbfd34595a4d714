// Functions and objects by reference that are made and released many times leave nothing behind.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cycle, cycleService } from './support/cycles.mjs'
import { serveAndConnect } from './support/endpoints.mjs'
import { gc, hasGrownLittle, ownMemory } from './support/memory.mjs'
import { freshAddress } from './support/names.mjs'
import { arrivedCount, ownedCount } from './support/references.mjs'

const cycles = Number(process.env.IPCBRIDGE_TEST_CYCLES ?? 2000) // a million take some minutes
const warmUp = cycles / 10
/** Of a million cycles, a leak of a hundred bytes in each would be 90 MB. */
const mostGrowth = { heap: 32 << 20, all: (process.env.IPCBRIDGE_SANITIZED ? 512 : 64) << 20 }

for (const transport of ['shm', 'unix']) {
  test(`${transport}: references made and released leave nothing behind`, async t => {
    const { remote } = await serveAndConnect(t, cycleService(), { address: freshAddress(transport) })
    const held = arrivedCount()
    await cycle(remote, warmUp)
    const before = await ownMemory()
    await cycle(remote, cycles - warmUp)
    while (ownedCount() > 0) await remote.keep(null)
    while (arrivedCount() > held) {
      gc()
      await new Promise(setImmediate)
    }
    assert(hasGrownLittle(t, before, await ownMemory(), mostGrowth))
  })
}
