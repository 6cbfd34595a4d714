// Generators and their like as results: read item by item, over every transport.

import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { deferred, serveAndConnect } from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'
import { watched } from './support/streams.mjs'

for (const transport of ['shm', 'unix']) {
  const pair = (t, target, options) => serveAndConnect(t, target, { address: freshAddress(transport), ...options })
  const silent = { serve: { onError() {} } }

  for (const kind of ['numbers', 'later']) {
    test(`${transport}: the items of ${kind}() come in their order, and then the end`, async t => {
      const source = watched()
      const { remote } = await pair(t, source)
      const items = []
      for await (const item of remote[kind](1000)) items.push(item)
      assert.deepEqual(items, [...Array(1000).keys()])
      assert.deepEqual(await (await remote[kind](0)).toArray(), [])
      assert.equal(source.cleaned, 2)
    })

    test(`${transport}: leaving the loop over ${kind}() early runs its finally, once`, async t => {
      const source = watched()
      const { remote } = await pair(t, source)
      for await (const item of remote[kind]()) if (item === 2) break
      await source.ended
      await turn()
      assert.equal(source.cleaned, 1)
      assert.equal((await (await remote[kind](3)).toArray()).length, 3)
    })

    test(`${transport}: an exception in the loop over ${kind}() runs its finally, once`, async t => {
      const source = watched()
      const { remote } = await pair(t, source)
      const mistake = new Error('in the loop')
      await assert.rejects(async () => {
        for await (const item of remote[kind]()) if (item === 2) throw mistake
      }, mistake)
      await source.ended
      assert.equal(source.cleaned, 1)
    })

    test(`${transport}: ${kind}() is never further ahead of a slow reader than the window`, async t => {
      const source = watched()
      const { remote } = await pair(t, source)
      const stream = await remote[kind]()
      const reader = stream[Symbol.asyncIterator]()
      for (let taken = 1; taken <= 20; taken++) {
        await reader.next()
        for (let turns = 0; turns < 20; turns++) await turn()
        assert.ok(source.made <= taken + 8192 + 1, `${source.made} made, ${taken} taken`)
      }
      assert.ok(source.made > 1000, 'what fits into the window is made ahead')
      await stream.close()
      await source.ended
    })

    test(`${transport}: 100,000 items of ${kind}() come in their order`, async t => {
      const { remote } = await pair(t, watched())
      let next = 0
      for await (const item of remote[kind](100_000)) if (item !== next++) assert.fail(`${item} instead of ${next - 1}`)
      assert.equal(next, 100_000)
    })
  }

  test(`${transport}: an exception of the generator ends the stream behind its items`, async t => {
    const told = []
    const { remote } = await pair(
      t,
      {
        *rows() {
          yield 1
          throw new TypeError('no more')
        },
      },
      { serve: { onError: (error, { method }) => told.push([error.message, method]) } },
    )
    const items = []
    await assert.rejects(
      async () => {
        for await (const item of remote.rows()) items.push(item)
      },
      error => {
        assert.deepEqual(
          [error.name, error.type, error.code, error.message],
          ['RemoteError', 'TypeError', 'unknown', 'no more'],
        )
        assert.match(error.stack, /at async .*streams\.test/)
        return true
      },
    )
    assert.deepEqual(items, [1])
    assert.deepEqual(told, [['no more', 'rows']])
  })

  test(`${transport}: streams stand anywhere in a result, several of them`, async t => {
    const { remote } = await pair(t, {
      both: async () => ({ left: watched().numbers(3), right: [new Map([['r', ipc.stream(new Set(['a', 'b']))]])] }),
    })
    const { left, right } = await remote.both()
    assert.ok(left instanceof ipc.Stream)
    const second = right[0].get('r')
    assert.deepEqual(await Promise.all([left.toArray(), second.toArray()]), [
      [0, 1, 2],
      ['a', 'b'],
    ])
  })

  test(`${transport}: items of a megabyte each`, async t => {
    const { remote } = await pair(t, {
      *chunks() {
        for (let filler = 0; filler < 20; filler++) yield Buffer.alloc(2 ** 20, filler)
      },
    })
    let filler = 0
    for await (const chunk of remote.chunks()) assert.ok(chunk.equals(Buffer.alloc(2 ** 20, filler++)))
    assert.equal(filler, 20)
  })

  test(`${transport}: what an async generator has is sent while it waits for more`, async t => {
    const more = deferred()
    const { remote } = await pair(t, {
      async *rows() {
        yield 1
        yield 2
        await more.promise
        yield 3
      },
    })
    const reader = (await remote.rows())[Symbol.asyncIterator]()
    assert.deepEqual([(await reader.next()).value, (await reader.next()).value], [1, 2])
    more.resolve()
    assert.deepEqual(
      [await reader.next(), await reader.next()],
      [
        { done: false, value: 3 },
        { done: true, value: undefined },
      ],
    )
  })

  test(`${transport}: several waits for items at once are answered in their order`, async t => {
    const { remote } = await pair(t, watched())
    const reader = (await remote.later(2))[Symbol.asyncIterator]()
    const results = await Promise.all([reader.next(), reader.next(), reader.next(), reader.next()])
    assert.deepEqual(
      results.map(({ value, done }) => value ?? done),
      [0, 1, true, true],
    )
  })

  test(`${transport}: a stream has one reader`, async t => {
    const { remote } = await pair(t, watched())
    const stream = await remote.numbers(3)
    assert.deepEqual(await stream.toArray(), [0, 1, 2])
    await assert.rejects(stream.toArray(), { code: 'failed_precondition', message: /has one reader/ })
    assert.throws(() => stream[Symbol.asyncIterator](), { code: 'failed_precondition' })
  })

  for (const kind of ['plain', 'async']) {
    test(`${transport}: an item of ${kind} generators that cannot be sent ends the stream behind the items before it, with its path`, async t => {
      const source = watched()
      const items = [1, { list: [0, Symbol('x')] }]
      const target = {
        *plain() {
          try {
            yield* items
          } finally {
            source.cleaned++
          }
        },
        async *async() {
          try {
            yield* items
          } finally {
            source.cleaned++
          }
        },
      }
      const told = []
      const { remote } = await pair(t, target, { serve: { onError: error => told.push(error.code) } })
      const received = []
      const read = async () => {
        for await (const item of remote[kind]()) received.push(item)
      }
      const message = new RegExp(
        `${kind}\\(\\) yielded what cannot be sent: item\\.list\\[1\\] cannot be sent: a symbol`,
      )
      await assert.rejects(read, { code: 'internal', message })
      assert.deepEqual([received, source.cleaned, told], [[1], 1, ['internal']])
    })
  }

  test(`${transport}: a stream in an item of another is refused`, async t => {
    const told = []
    const target = {
      *nested() {
        yield watched().numbers()
      },
    }
    const { remote } = await pair(t, target, { serve: { onError: error => told.push(error.code) } })
    const message = /streams within streams come in a later release/
    await assert.rejects((await remote.nested()).toArray(), { code: 'unimplemented', message })
    assert.deepEqual(told, ['unimplemented'])
  })

  test(`${transport}: close() ends the stream here and there`, async t => {
    const source = watched()
    const { remote } = await pair(t, source)
    const stream = await remote.stuck()
    const reader = stream[Symbol.asyncIterator]()
    await reader.next()
    const waiting = reader.next()
    await stream.close()
    assert.deepEqual(await waiting, { done: true, value: undefined })
    assert.deepEqual(await reader.next(), { done: true, value: undefined })
    await source.ended
    assert.equal(source.cleaned, 1)
    await stream.close()
  })

  test(`${transport}: disposing of the stream ends it`, { skip: Symbol.asyncDispose === undefined }, async t => {
    const source = watched()
    const { remote } = await pair(t, source)
    const stream = await remote.stuck()
    const reader = stream[Symbol.asyncIterator]()
    await reader.next()
    await stream[Symbol.asyncDispose]()
    assert.deepEqual(await reader.next(), { done: true, value: undefined })
    await source.ended
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: a signal ends the stream`, async t => {
    const source = watched()
    const { remote } = await pair(t, source)
    const controller = new AbortController()
    const reader = (await ipc.withOptions(remote, { signal: controller.signal }).stuck())[Symbol.asyncIterator]()
    await reader.next()
    const waiting = reader.next()
    const reason = new Error('enough')
    controller.abort(reason)
    await assert.rejects(waiting, { code: 'cancelled', message: 'stuck() was aborted', cause: reason })
    assert.deepEqual(await reader.next(), { done: true, value: undefined })
    await source.ended
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: a signal ends also a stream of which all has come and not all was read`, async t => {
    const { remote } = await pair(t, watched())
    const controller = new AbortController()
    const reader = (await ipc.withOptions(remote, { signal: controller.signal }).numbers(5))[Symbol.asyncIterator]()
    assert.equal((await reader.next()).value, 0)
    await remote.numbers(0)
    controller.abort()
    await assert.rejects(reader.next(), { code: 'cancelled' })
  })

  test(`${transport}: the timeout of the call holds for its stream`, async t => {
    const source = watched()
    const { remote } = await pair(t, source)
    await assert.rejects(
      async () => {
        for await (const _ of ipc.withOptions(remote, { timeout: 100 }).stuck());
      },
      { code: 'deadline_exceeded', message: /stuck\(\): its stream .* timeout of 100 ms/, sent: 'maybe' },
    )
    await source.ended
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: idleTimeout bounds the wait for each item`, async t => {
    const source = watched()
    const { remote } = await pair(t, { stuck: source.stuck, finite: () => watched().later(1000) })
    const patient = ipc.withOptions(remote, { idleTimeout: 5_000 })
    assert.equal((await (await patient.finite()).toArray()).length, 1000)
    await assert.rejects((await ipc.withOptions(remote, { idleTimeout: 50 }).stuck()).toArray(), {
      code: 'deadline_exceeded',
      message: /stuck\(\): no item .* idleTimeout of 50 ms/,
    })
    await source.ended
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: closing the connection ends its streams`, async t => {
    const source = watched()
    const { remote } = await pair(t, source)
    const waiting = (await remote.stuck()).toArray()
    waiting.catch(() => {})
    await ipc.close(remote)
    await assert.rejects(waiting, { code: 'cancelled' })
    await source.ended
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: a server that closes waits for its streams until the grace is over`, async t => {
    const source = watched()
    const { server, remote } = await pair(t, source)
    const finite = await remote.later(20_000)
    const closed = server.close({ grace: 60_000 })
    assert.equal((await finite.toArray()).length, 20_000)
    await closed
  })

  test(`${transport}: a stream that outlives the grace of its server fails`, async t => {
    const source = watched()
    const { server, remote } = await pair(t, source)
    const reader = (await remote.stuck())[Symbol.asyncIterator]()
    await reader.next()
    await server.close({ grace: 10 })
    await assert.rejects(reader.next(), { code: 'unavailable', sent: 'maybe' })
    await source.ended
    assert.equal(source.cleaned, 1)
  })

  test(`${transport}: more streams than the reader takes are refused`, async t => {
    async function* silence() {
      await new Promise(() => {})
    }
    const { remote } = await pair(t, { many: count => Array.from({ length: count }, silence) }, silent)
    await assert.rejects(remote.many(1025), { code: 'resource_exhausted', message: /too many open streams/ })
    const streams = await remote.many(1024)
    await assert.rejects(remote.many(1), { code: 'resource_exhausted' })
    await Promise.all(streams.map(stream => stream.close()))
    const accepted = () => remote.many(1000).catch(() => undefined)
    let again = await accepted()
    while (again === undefined) again = await accepted() // until their ends have come
    assert.equal(again.length, 1000)
  })

  test(`${transport}: Readable and ReadableStream are streams, and can be made of one`, async t => {
    const { remote } = await pair(t, {
      node: () => Readable.from(['a', 'b']),
      web: () =>
        new ReadableStream({
          start(controller) {
            controller.enqueue('a')
            controller.enqueue('b')
            controller.close()
          },
        }),
    })
    for (const method of ['node', 'web']) assert.deepEqual(await (await remote[method]()).toArray(), ['a', 'b'])
    const chunks = []
    for await (const chunk of Readable.from(await remote.node()).pipe(new PassThrough())) chunks.push(String(chunk))
    assert.equal(chunks.join(''), 'ab')
    if (ReadableStream.from !== undefined) {
      const reader = ReadableStream.from(await remote.web()).getReader()
      assert.deepEqual(await reader.read(), { done: false, value: 'a' })
      await reader.cancel()
    }
  })

  test(`${transport}: leaving a stream of a Readable destroys it, of a ReadableStream cancels it`, async t => {
    const ends = { node: deferred(), web: deferred() }
    const { remote } = await pair(t, {
      node: () =>
        new Readable({
          objectMode: true,
          read() {
            this.push(1)
          },
          destroy: () => ends.node.resolve(),
        }),
      web: () => new ReadableStream({ pull: to => to.enqueue(1), cancel: () => ends.web.resolve() }),
    })
    for (const method of ['node', 'web']) {
      for await (const _ of remote[method]()) break
      await ends[method].promise
    }
  })

  test(`${transport}: a generator asks for the context of its call, whose signal tells that nobody reads`, async t => {
    const aborted = deferred()
    const { remote } = await pair(t, {
      async *who() {
        const { metadata, method, signal } = ipc.context()
        signal.addEventListener('abort', () => aborted.resolve(signal.reason))
        yield { metadata, method }
        yield ipc.context().method
        await aborted.promise
      },
    })
    const items = []
    for await (const item of ipc.withOptions(remote, { metadata: { user: 'ann' } }).who()) {
      items.push(item)
      if (items.length === 2) break
    }
    assert.deepEqual(items, [{ metadata: { user: 'ann' }, method: 'who' }, 'who'])
    assert.equal((await aborted.promise).code, 'cancelled')
  })
}
