// The scenario, for whatever runs JavaScript: nothing but ipcbridge and what all of them have. scenario.py is the same in
// Python.
//
//   serve ADDRESS…    one service at each; says `up`, and `gone` for each `hang` whose caller has gone
//   call ADDRESS…     goes through the steps at each, and has the service close
//   hang ADDRESS…     says `hanging` when a call at each has begun
//   lose ADDRESS…     kills the service in the middle of a call at each
//
// `call` and `lose` say `ok STEP TRANSPORT` or `not ok STEP TRANSPORT: why`. All end by themselves, and close nothing but
// the service.

import assert from 'node:assert'
import { createRequire } from 'node:module'
import process from 'node:process'
import ipc from 'ipcbridge'

const say = line => process.stdout.write(`${line}\n`)
const bigBytes = 5_000_000
const moment = new Date(Date.UTC(2024, 1, 29, 12, 30, 15, 250))

class Counter {
  count = 0
  add(more) {
    this.count += more
    return this.count
  }
}

function service(close) {
  return {
    add: (a, b) => a + b,
    echo: value => value,
    fail: message => {
      throw new RangeError(message)
    },
    zeros: size => Buffer.alloc(size),
    *count(to) {
      for (let number = 0; number < to; number++) yield number
    },
    async total(numbers) {
      let total = 0
      for await (const number of numbers) total += number
      return total
    },
    async *doubled(numbers) {
      for await (const number of numbers) yield 2 * number
    },
    async call_back(listener, times) {
      let total = 0
      for (let each = 0; each < times; each++) total += await listener(each)
      return total
    },
    counter: () => ipc.proxy(new Counter()),
    async hang(begun) {
      const { signal } = ipc.context()
      const gone = new Promise(resolve => signal.addEventListener('abort', resolve))
      await begun()
      await gone
      say('gone')
    },
    pid: () => process.pid,
    leave: () => {
      close()
    },
  }
}

const rejects = (promise, expected) =>
  promise.then(
    () => assert.fail('it succeeded'),
    error => {
      for (const [key, value] of Object.entries(expected)) assert.deepStrictEqual(error[key], value, `${key}: ${error}`)
    },
  )

/** A call of `hang`, when it has begun. */
async function hanging(remote) {
  let call
  await new Promise((resolve, reject) => {
    call = remote.hang(() => resolve())
    call.catch(reject)
  })
  return { call }
}

const steps = {
  async calls(remote) {
    assert.strictEqual(await remote.add(2, 3), 5)
    const sums = await Promise.all(Array.from({ length: 200 }, (_, i) => remote.add(i, i)))
    assert.deepStrictEqual(
      sums,
      sums.map((_, i) => 2 * i),
    )
  },
  async errors(remote) {
    const failed = await remote.fail('too far').catch(error => error)
    assert.ok(failed instanceof ipc.RemoteError, String(failed))
    assert.strictEqual(failed.message, 'too far')
    assert.match(failed.type, /^(RangeError|IndexError)$/)
    assert.throws(() => remote.nothing(), TypeError)
    await rejects(remote.echo(Symbol('no value')), { code: 'invalid_argument' })
  },
  async values(remote) {
    const value = {
      nothing: null,
      whole: 2 ** 40,
      large: 2n ** 100n,
      fraction: -0.5,
      text: 'grüße 🎈',
      list: [1, [2, [3]]],
      bytes: Buffer.from([0, 255]),
      moment,
      map: new Map([[1, 'one']]),
      set: new Set(['a']),
    }
    assert.deepStrictEqual(await remote.echo(value), value)
  },
  async 'big buffers'(remote) {
    assert.strictEqual((await remote.zeros(bigBytes)).length, bigBytes)
    const bytes = Buffer.alloc(bigBytes, 7)
    const echoed = await remote.echo(bytes)
    assert.ok(Buffer.isBuffer(echoed))
    assert.strictEqual(Buffer.compare(echoed, bytes), 0)
  },
  async streams(remote) {
    let total = 0
    for await (const number of remote.count(1000)) total += number
    assert.strictEqual(total, 499_500)
    assert.strictEqual(await remote.total(ipc.stream(Array.from({ length: 1000 }, (_, i) => i))), 499_500)
    const doubled = []
    for await (const number of remote.doubled(ipc.stream([1, 2, 3]))) doubled.push(number)
    assert.deepStrictEqual(doubled, [2, 4, 6])
    for await (const number of remote.count(1e6)) if (number === 10) break
  },
  async callbacks(remote) {
    assert.strictEqual(await remote.call_back(each => each + 1, 10), 55)
    const thrown = await remote
      .call_back(() => {
        throw new Error('not now')
      }, 1)
      .catch(error => error)
    assert.strictEqual(thrown.message, 'not now')
  },
  async references(remote) {
    const counter = await remote.counter()
    assert.deepStrictEqual([await counter.add(2), await counter.add(3)], [2, 5])
    ipc.release(counter)
  },
  async cancellation(remote) {
    const controller = new AbortController()
    const { call } = await hanging(ipc.withOptions(remote, { signal: controller.signal }))
    controller.abort()
    await rejects(call, { code: 'cancelled', name: 'AbortError' })
    await rejects(
      ipc.withOptions(remote, { timeout: 50 }).hang(() => {}),
      { code: 'deadline_exceeded' },
    )
  },
  async 'blocking calls'(remote) {
    const blocking = ipc.sync(remote)
    assert.strictEqual(blocking.add(2, 3), 5)
    assert.deepStrictEqual([...blocking.count(3)], [0, 1, 2])
  },
  commonjs() {
    assert.strictEqual(createRequire(import.meta.url)('ipcbridge').connect, ipc.connect)
  },
}

const transportOf = address => address.slice(0, address.indexOf(':'))

async function step(name, address, work) {
  try {
    await work()
    say(`ok ${name} ${transportOf(address)}`)
  } catch (error) {
    say(`not ok ${name} ${transportOf(address)}: ${String(error?.stack ?? error).replace(/\s*\n\s*/g, ' | ')}`)
  }
}

const commands = {
  async serve(...addresses) {
    const servers = []
    const close = () => {
      for (const server of servers) server.close()
    }
    for (const address of addresses) servers.push(await ipc.serve(address, service(close)))
    say('up')
  },
  async call(...addresses) {
    let remote
    for (const address of addresses) {
      remote = await ipc.connect(address)
      await step('transport', address, () => assert.strictEqual(ipc.status(remote).transport, transportOf(address)))
      for (const [name, work] of Object.entries(steps)) await step(name, address, () => work(remote))
    }
    await remote.leave()
  },
  async hang(...addresses) {
    for (const address of addresses) await hanging(await ipc.connect(address))
    say('hanging')
  },
  async lose(...addresses) {
    const calls = []
    let pid
    for (const address of addresses) {
      const remote = await ipc.connect(address)
      pid = await remote.pid()
      calls.push((await hanging(remote)).call)
    }
    process.kill(pid, 'SIGKILL')
    for (const [index, address] of addresses.entries()) {
      await step('loss', address, () => rejects(calls[index], { code: 'unavailable', sent: 'maybe' }))
    }
  },
}

const [command, ...addresses] = process.argv.slice(2)
await commands[command](...addresses)
