import { once } from 'node:events'
import ipc from 'ipcbridge'
import { deferred } from './endpoints.mjs'

/** A source that says how often its `finally` has run, and when. */
export function watched() {
  const ended = deferred()
  const source = {
    made: 0,
    cleaned: 0,
    ended: ended.promise,
    *numbers(count = Number.POSITIVE_INFINITY) {
      try {
        for (let number = 0; number < count; number++) {
          source.made++
          yield number
        }
      } finally {
        source.cleaned++
        ended.resolve()
      }
    },
    async *later(count = Number.POSITIVE_INFINITY) {
      yield* source.numbers(count)
    },
    /** One item, and then no other. */
    async *stuck() {
      const { signal } = ipc.context()
      const aborted = once(signal, 'abort')
      try {
        source.made++
        yield 0
        await aborted
      } finally {
        source.cleaned++
        ended.resolve()
      }
    },
  }
  return source
}
