// Functions and objects by reference that are made, used and released, many times.

import assert from 'node:assert/strict'
import ipc from 'ipcbridge'

const atOnce = 50

class Tally {
  total = 0
  add(number) {
    this.total += number
    return this.total
  }
}

/** What keeps, calls and makes what is released. */
export function cycleService() {
  let kept
  return {
    keep: fn => {
      const before = kept
      kept = fn
      return before === fn
    },
    each: (items, fn) => Promise.all(items.map(item => fn(item))),
    counter: () => ipc.proxy(new Tally()),
  }
}

/** A function for as long as its call, a retained one, and an object of the service's. */
async function cycleOnce(remote, number) {
  assert.deepEqual(await remote.each([number], value => value), [number])
  const fn = ipc.retain(value => value)
  await remote.keep(fn)
  ipc.release(fn)
  const counter = await remote.counter()
  assert.equal(await counter.add(number), number)
  ipc.release(counter)
}

/** So many times, some of them at once. */
export async function cycle(remote, count) {
  for (let first = 0; first < count; first += atOnce) {
    const length = Math.min(atOnce, count - first)
    await Promise.all(Array.from({ length }, (_, i) => cycleOnce(remote, first + i)))
  }
}
