// An EventEmitter whose events reach other processes: whoever subscribes passes a function, which is retained.

import { EventEmitter } from 'node:events'
import ipc from 'ipcbridge'

const events = new EventEmitter()

await ipc.serve('shop', {
  on(event, listener) {
    // Fails when it has been released, or its process has gone.
    const tell = (...args) => listener(...args).catch(() => events.off(event, tell))
    events.on(event, tell)
  },
  order(item, count = 1) {
    events.emit('order', { item, count })
  },
})
console.log('serving shop')
