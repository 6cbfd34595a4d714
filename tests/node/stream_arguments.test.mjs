// Generators and their like as arguments, and both ways at once.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { deferred, gate, serveAndConnect } from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'
import { watched } from './support/streams.mjs'

const sums = {
  async sum(numbers) {
    let total = 0
    for await (const number of numbers) total += number
    return total
  },
  async first(numbers) {
    for await (const number of numbers) return number
  },
  ignore: _numbers => 'ignored',
  keep: numbers => new Promise(() => numbers),
  fail(_numbers) {
    throw new ipc.IpcError('not_found', 'nobody reads it')
  },
  async *doubled(numbers) {
    for await (const number of numbers) yield 2 * number
  },
  async *interleaved(left, { right }) {
    const others = right[Symbol.asyncIterator]()
    for await (const one of left) yield [one, (await others.next()).value]
  },
  back: numbers => numbers,
}

/** A ReadableStream of the items, which then ends, or as `end` says. */
const webStream = (items, end = to => to.close()) =>
  new ReadableStream({
    start(to) {
      for (const item of items) to.enqueue(item)
    },
    pull: end,
  })

for (const transport of ['shm', 'unix']) {
  const pair = (t, target, options) => serveAndConnect(t, target, { address: freshAddress(transport), ...options })

  test(`${transport}: more of them than may be open are refused, and none is begun`, async t => {
    const { remote } = await pair(t, sums)
    let begun = 0
    const streams = count =>
      Array.from({ length: count }, () =>
        ipc.stream({
          *[Symbol.iterator]() {
            yield begun++
          },
        }),
      )
    await assert.rejects(remote.ignore(streams(1025)), {
      code: 'resource_exhausted',
      message: /too many open streams: the peer takes 1024/,
    })
    assert.equal(begun, 0)
    assert.equal(await remote.ignore(streams(1024)), 'ignored')
    assert.equal(await remote.sum(ipc.stream([1, 2])), 3)
  })

  test(`${transport}: a handler reads a generator that it was passed`, async t => {
    const { remote } = await pair(t, sums)
    for (const kind of ['numbers', 'later']) {
      const source = watched()
      assert.equal(await remote.sum(source[kind](1000)), 499_500)
      assert.equal(source.cleaned, 1)
    }
    assert.equal(await remote.sum(ipc.stream([1, 2, 3])), 6)
    assert.equal(await remote.sum(Readable.from([4, 5])), 9)
    assert.equal(await remote.sum(webStream([4, 5])), 9)
    assert.equal(await remote.sum(ipc.kwargs({ numbers: watched().numbers(3) })), 3)
  })

  for (const method of ['first', 'ignore', 'fail']) {
    test(`${transport}: what ${method}() leaves of its argument is cleaned up, once`, async t => {
      const { remote } = await pair(t, sums)
      for (const kind of ['numbers', 'later']) {
        const source = watched()
        await remote[method](source[kind]()).catch(error => assert.equal(error.code, 'not_found'))
        // What has not begun has nothing to clean up.
        if (source.made > 0) {
          await source.ended
          await turn()
          assert.equal(source.cleaned, 1)
        }
      }
    })
  }

  test(`${transport}: leaving a Readable that was passed destroys it, a ReadableStream cancels it`, async t => {
    const { remote } = await pair(t, sums)
    const ends = [deferred(), deferred()]
    const node = new Readable({
      objectMode: true,
      read() {
        this.push(1)
      },
      destroy: () => ends[0].resolve(),
    })
    const web = new ReadableStream({ pull: to => to.enqueue(1), cancel: () => ends[1].resolve() })
    for (const source of [node, web]) assert.equal(await remote.first(source), 1)
    await Promise.all(ends.map(end => end.promise))
  })

  test(`${transport}: a ReadableStream that fails is told to the handler that reads it`, async t => {
    const { remote } = await pair(t, sums, { serve: { onError() {} } })
    const failing = webStream([1], to => to.error(new RangeError('no more of them')))
    await assert.rejects(remote.sum(failing), { code: 'unknown', message: /no more of them/ })
  })

  test(`${transport}: generator in, generator out`, async t => {
    const { remote } = await pair(t, sums)
    assert.deepEqual(
      await (await remote.doubled(watched().later(1000))).toArray(),
      [...Array(1000).keys()].map(n => 2 * n),
    )
    const pairs = await remote.interleaved(watched().numbers(3), { right: ipc.stream('abc') })
    assert.deepEqual(await pairs.toArray(), [
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ])
  })

  test(`${transport}: leaving what comes out ends what goes in`, async t => {
    const { remote } = await pair(t, sums)
    const source = watched()
    for await (const item of remote.doubled(source.later())) if (item === 4) break
    await source.ended
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: an exception of the argument reaches the handler that reads it`, async t => {
    const { remote } = await pair(t, sums, { serve: { onError() {} } })
    async function* failing() {
      yield 1
      throw new RangeError('no more of them')
    }
    await assert.rejects(remote.sum(failing()), { code: 'unknown', message: /no more of them/ })
    await assert.rejects(remote.sum(ipc.stream([1, () => 1])), { message: /item cannot be sent: a function/ })
  })

  for (const kind of ['bad', 'badLater']) {
    test(`${transport}: an item of ${kind}() that cannot be sent ends it with its path, and runs its finally, once`, async t => {
      const { remote } = await pair(t, sums, { serve: { onError() {} } })
      let cleaned = 0
      const sources = {
        *bad() {
          try {
            yield 1
            yield { list: [0, Symbol('x')] }
          } finally {
            cleaned++
          }
        },
        async *badLater() {
          yield* sources.bad()
        },
      }
      await assert.rejects(remote.sum(sources[kind]()), {
        message: /item\.list\[1\] cannot be sent: a symbol/,
      })
      assert.equal(cleaned, 1)
      assert.equal(await remote.sum(watched().numbers(3)), 3)
    })
  }

  test(`${transport}: aborting the call ends its arguments`, async t => {
    const { remote } = await pair(t, sums)
    const source = watched()
    const controller = new AbortController()
    const call = ipc.withOptions(remote, { signal: controller.signal }).keep(source.later())
    while (source.made === 0) await turn()
    controller.abort()
    await assert.rejects(call, { code: 'cancelled' })
    await source.ended
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: a stream that was passed can be given back, as long as nobody has begun to read it`, async t => {
    const { remote } = await pair(t, sums)
    assert.deepEqual(await (await remote.back(watched().numbers(5))).toArray(), [0, 1, 2, 3, 4])
  })

  test(`${transport}: a slow handler holds back what it is passed`, async t => {
    const { wait, entered, open } = gate()
    const { remote } = await pair(t, {
      async count(numbers) {
        await wait()
        return (await numbers.toArray()).length
      },
    })
    const source = watched()
    const call = remote.count(source.later(30_000))
    await entered
    for (let turns = 0; turns < 1000; turns++) await turn()
    assert.ok(source.made <= 8193, `${source.made} made`)
    open()
    assert.equal(await call, 30_000)
  })
}

test('what was to be passed by a call that is not sent is ended', async t => {
  const { remote } = await serveAndConnect(t, sums)
  const readable = () => {
    const destroyed = deferred()
    return { source: new Readable({ read() {}, destroy: () => destroyed.resolve() }), destroyed: destroyed.promise }
  }
  const attempts = [
    source => remote.sum(source, Symbol('x')),
    source => ipc.withOptions(remote, { timeout: 0 }).sum(source),
    source => ipc.withOptions(remote, { idempotent: true }).sum(source),
    async source => ipc.notify(remote).sum(source),
  ]
  for (const attempt of attempts) {
    const { source, destroyed } = readable()
    await assert.rejects(async () => attempt(source))
    await destroyed
  }
})

test('a generator can be sent once', async t => {
  const { remote } = await serveAndConnect(t, sums)
  const numbers = watched().numbers(3)
  await assert.rejects(remote.sum(numbers, [numbers]), {
    code: 'invalid_argument',
    message: /^args\[1\]\[0\] cannot be sent: a stream that has been sent already/,
  })
  const sent = watched().numbers(3)
  assert.equal(await remote.sum(sent), 3)
  await assert.rejects(remote.sum(ipc.stream(sent)), { code: 'invalid_argument', message: /sent already/ })
})

test('iterators are sent as streams only when they are said to be', async t => {
  const { remote } = await serveAndConnect(t, sums)
  for (const iterator of [[1, 2].values(), new Set([1, 2]).values(), new Map([[1, 2]]).keys()]) {
    await assert.rejects(remote.sum(iterator), { code: 'invalid_argument', message: /ipc\.stream\(it\)/ })
    assert.ok((await remote.sum(ipc.stream(iterator))) >= 1)
  }
})

test('stream() takes what can be iterated', () => {
  for (const value of [1, null, undefined, {}, () => 1, function* () {}, Promise.resolve([])]) {
    assert.throws(() => ipc.stream(value), {
      code: 'invalid_argument',
      message: /^stream\(\) takes what can be iterated/,
    })
  }
})
