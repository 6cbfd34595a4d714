// Many connections with much to do keep a service busy; whoever asks it for little is served all the same.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, serveElsewhere } from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'

const crowdSize = 50
const inFlight = 16 // of each greedy connection

// A handler takes its thread for a millisecond; `begun` tells how many of these there have been.
const target = `{
  work() {
    globalThis.begun = (globalThis.begun ?? 0) + 1
    for (const end = performance.now() + 1; performance.now() < end; ) {}
  },
  begun: () => globalThis.begun ?? 0,
}`

for (const scheme of ['shm', 'unix']) {
  test(`over ${scheme} a call waits for few of each connection that has many in flight`, async t => {
    const address = freshAddress(scheme)
    await serveElsewhere(t, address, { target })
    const crowd = await Promise.all(Array.from({ length: crowdSize }, () => connect(t, address)))
    const calm = await connect(t, address)
    let isOver = false
    const keepCalling = async greedy => {
      while (!isOver) await greedy.work()
    }
    const calls = crowd.flatMap(greedy => Array.from({ length: inFlight }, () => keepCalling(greedy)))
    while ((await calm.begun()) < 4 * crowdSize);
    const counts = []
    for (let i = 0; i <= 20; i++) counts.push(await calm.begun())
    // The fewest: others run more while this process waits for a CPU.
    const between = Math.min(...counts.slice(1).map((count, i) => count - counts[i]))
    assert.ok(between <= 1.5 * crowdSize, `${between} handlers of others ran between two calls`)
    isOver = true
    await Promise.all(calls)
  })
}
