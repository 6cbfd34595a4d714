// Measures how late the timers of Node.js are; served under the name `timers`.
import { setTimeout } from 'node:timers/promises'
import { serve } from 'ipcbridge'

await serve('timers', {
  /** So many timers of `delay` ms, one after the other: when each was started, and how late it came, in ms. */
  async lateness(count, delay = 1) {
    const started = new Float64Array(count)
    const late = new Float32Array(count)
    const begin = performance.now()
    for (let i = 0; i < count; i++) {
      started[i] = performance.now() - begin
      await setTimeout(delay)
      late[i] = performance.now() - begin - started[i] - delay
    }
    return { started, late }
  },
})
console.log('serving timers')
