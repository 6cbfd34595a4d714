// The service of the Node.js peer; service.py and async_service.py are the same in Python.
import { closeSync, openSync, readSync } from 'node:fs'
import { context, IpcError, proxy } from 'ipcbridge'

class Deeper extends Error {
  name = 'Deeper'
}
/** An object that travels by reference. */
class Counter {
  total = 0
  get twice() {
    return 2 * this.total
  }
  add(number) {
    this.total += number
    return this.total
  }
}
class Broken extends Error {
  name = 'Broken'
}

function about() {
  const { method, metadata, deadline } = context()
  return { method, metadata, deadline: deadline === null ? null : deadline / 1000 }
}

export async function total(numbers) {
  let sum = 0
  for await (const number of numbers) sum += number
  return sum
}

export function makeService(event, connect, clients) {
  const connections = new Map()
  let kept
  function* numbers(count) {
    try {
      for (let number = 0; number < count; number++) yield number
    } finally {
      event('numbers ended')
    }
  }
  const hold = () => {
    const { signal } = context()
    event('held')
    return new Promise(resolve => {
      signal.addEventListener('abort', () => {
        event('released')
        resolve('too late')
      })
    })
  }
  // Nothing else runs in this process until something is written to the pipe.
  const grip = path => {
    const pipe = openSync(path, 'r')
    event('gripping')
    readSync(pipe, Buffer.alloc(1))
    closeSync(pipe)
  }
  return {
    add: (a, b = 0) => a + b,
    echo: value => value,
    keywords: (a, b = 2, { c = 3 } = {}) => [a, b, c],
    size: bytes => bytes.length,
    zeros: length => Buffer.alloc(length),
    pid: () => process.pid,
    note: value => event('noted', { value }),
    about,
    // What this handler hears of its call, and what a service behind this one answers.
    relay: async (client, method) => [about(), await clients.get(client)[method]()],
    fail: () => {
      throw new Broken('the outer message', { cause: new Deeper('the inner message') })
    },
    fail_together: () => {
      throw new AggregateError([new Broken('one'), new AggregateError([new Deeper('two')], 'inner')], 'all failed')
    },
    open_missing: () => openSync('/nowhere/at/all', 'r'),
    throttle: () => {
      throw Object.assign(new Broken('slow down'), { retry_after: 1.5, unsendable: Symbol('no value') })
    },
    refuse: (code, details) => {
      throw new IpcError(code, 'refused as asked', details)
    },
    unencodable: () => ({ items: [0, 1, 2, Symbol('no value')] }),
    numbers,
    async *numbers_then_hold(count) {
      try {
        for (let number = 0; number < count; number++) yield number
        await hold()
      } finally {
        event('numbers ended')
      }
    },
    *fail_after(count) {
      for (let number = 0; number < count; number++) yield number
      throw new Broken('the outer message')
    },
    *yield_unencodable() {
      yield 1
      yield { items: [0, Symbol('no value')] }
    },
    total,
    first: async numbers => {
      for await (const number of numbers) return number
    },
    fail_reading: async (numbers, count) => {
      for await (const number of numbers) if (number === count - 1) throw new Broken('the outer message')
    },
    hold_reading: async (numbers, count) => {
      for await (const number of numbers) if (number === count - 1) return await hold()
    },
    async *double(numbers) {
      for await (const number of numbers) yield 2 * number
    },
    each: async (items, fn) => {
      const results = []
      for (const item of items) results.push(await fn(item))
      return results
    },
    async *each_later(count, fn) {
      for (let number = 0; number < count; number++) yield await fn(number)
    },
    pour: (count, fn) => fn(numbers(count)),
    pour_awaiting: async (count, fn) => await fn(numbers(count)),
    pour_back: count => context().peer.remote.total(numbers(count)),
    pour_back_awaiting: async count => await context().peer.remote.total(numbers(count)),
    draw: (count, fn) => total(fn(count)),
    draw_awaiting: async (count, fn) => total(await fn(count)),
    lend: fn => fn(value => value + 1),
    lend_awaiting: async fn => await fn(value => value + 1),
    keep: fn => {
      const before = kept
      kept = fn
      return before === fn
    },
    fire: value => kept(value),
    same: (one, other, third) => [one === other, one === third],
    counter: () => proxy(new Counter()),
    count_with: counter => counter.add(5),
    who: () => {
      const { pid, uid, name, language } = context().peer
      return [pid, uid, name, language]
    },
    ask_back: value => context().peer.remote.answer(value),
    sleep: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
    // For so long, or until the call is cancelled.
    wait: milliseconds =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, milliseconds)
        const { signal } = context()
        signal.addEventListener('abort', () => {
          clearTimeout(timer)
          reject(signal.reason)
        })
      }),
    hold,
    grip,
    grip_counter: path => {
      grip(path)
      event('gripped')
      return proxy(new Counter())
    },
    // Calls the caller's service, which calls this one, and so on.
    bounce: async (there, here, depth) => {
      if (depth === 0) return 0
      if (!connections.has(there)) connections.set(there, connect(there))
      return 1 + (await (await connections.get(there)).bounce(here, there, depth - 1))
    },
    text: { upper: text => text.toUpperCase(), deep: { reverse: text => [...text].reverse().join('') } },
  }
}
