// What the tests of middleware serve.

import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'

export const target = {
  add: (a, b = 0) => a + b,
  async addLater(a, b = 0) {
    await turn()
    return a + b
  },
  *rows(n) {
    for (let i = 0; i < n; i++) yield i
  },
  see: () => ipc.context().metadata,
  async total(numbers) {
    let sum = 0
    for await (const each of numbers) sum += each
    return sum
  },
}

/** Options with the same middleware on both sides. */
export const both = middleware => ({ serve: { middleware }, connect: { middleware } })
