// What the Node.js peer does with streams; streams.py and async_streams.py do the same.
import { EventEmitter } from 'node:events'
import { tellError } from './telling.mjs'

/** `start` calls the method that a command names, with what stands before its arguments. */
export function makeStreamActions(event, clients, start) {
  const streams = new Map()
  const sipping = new EventEmitter()

  function* numbers(count) {
    event('feeding')
    try {
      for (let number = 0; number < count; number++) yield number
    } finally {
      event('fed')
    }
  }

  async function read(stream, { most, raises, tells } = {}) {
    let count = 0
    let sum = 0
    try {
      for await (const item of stream) {
        sum += item
        count++
        if (count === tells) event('read')
        if (count === raises) throw new Error('raised by the reader')
        if (count === most) break
      }
    } catch (error) {
      return { count, sum, error: tellError(error) }
    }
    return { count, sum, error: null }
  }

  const actions = {
    read: async command => {
      const stream = await start(command)
      if (command.keep !== undefined) streams.set(command.keep, stream)
      return read(stream, command)
    },
    open: async command => {
      const stream = await start(command)
      const items = stream[Symbol.asyncIterator]()
      streams.set(command.as, { [Symbol.asyncIterator]: () => items, close: () => stream.close() })
      return (await items.next()).value
    },
    finish: ({ as }) => read(streams.get(as)),
    shut: ({ as }) => streams.get(as).close(),
    sip: async ({ on, method, count, every, feeds }) => {
      let next = 0
      for await (const number of clients.get(on)[method](feeds ? numbers(count) : count)) {
        const expected = feeds ? 2 * next : next
        if (number !== expected) throw new Error(`${number} came instead of ${expected}`)
        next++
        if (next % every !== 0) continue
        event('paused')
        await new Promise(resolve => sipping.once('go on', resolve))
      }
      return next
    },
    go_on: () => sipping.emit('go on'),
    feed: async command => {
      const result = await start(command, numbers(command.count))
      return command.reads ? read(result, command) : result
    },
  }
  return { actions, numbers, forget: () => streams.clear() }
}
