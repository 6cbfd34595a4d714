// JSON messages for the ways that carry bytes only: [id, method, arguments] there, [id, result] back.
import { handlers } from './values.mjs'

export const answer = json => {
  const [id, method, args] = JSON.parse(json)
  return JSON.stringify([id, handlers[method](...args)])
}

/** Promises for calls whose replies may come in any order. */
export class PendingCalls {
  #next = 0
  #resolvers = new Map()

  /** The request as JSON; its promise settles when the reply is handed to `settle`. */
  start(method, args, send) {
    return new Promise((resolve, reject) => {
      const id = this.#next++
      this.#resolvers.set(id, { resolve, reject })
      send(JSON.stringify([id, method, args]))
    })
  }

  settle(json) {
    const [id, result] = JSON.parse(json)
    this.#resolvers.get(id).resolve(result)
    this.#resolvers.delete(id)
  }

  fail(error) {
    for (const { reject } of this.#resolvers.values()) reject(error)
    this.#resolvers.clear()
  }
}

/** Gathers what is sent in one turn of the event loop into one write. */
export class TurnBatch {
  #parts = []
  #write

  constructor(write) {
    this.#write = write
  }

  push(part) {
    if (this.#parts.push(part) === 1) process.nextTick(() => this.#flush())
  }

  #flush() {
    const parts = this.#parts
    this.#parts = []
    this.#write(parts)
  }
}
