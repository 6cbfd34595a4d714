// For how long the arrays of a stream's items are there: until the next is asked for, unless they are retained.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { start } from './support/children.mjs'
import { connect, serve, serveAndConnect, serveElsewhere } from './support/endpoints.mjs'
import { freshAddress, freshName } from './support/names.mjs'

const length = 10_000
const array = value => new Float64Array(length).fill(value)
const lengthOf = item => item.length ?? item.data.length

const target = {
  *frames(count) {
    for (let i = 0; i < count; i++) yield array(i)
  },
  *small(count) {
    for (let i = 0; i < count; i++) yield Float64Array.of(i)
  },
  *bytes(count) {
    for (let i = 0; i < count; i++) yield Buffer.alloc(100_000, i)
  },
  *records(count) {
    for (let i = 0; i < count; i++) {
      yield {
        left: array(i),
        more: [new Map([['right', new ipc.NDArray(array(-i), [100, 100])]])],
        jpeg: Buffer.alloc(50_000, i),
      }
    }
  },
  async lengths(frames) {
    const seen = []
    for await (const frame of frames) seen.push(frame)
    return seen.map(lengthOf)
  },
  async kept(frames) {
    const seen = []
    for await (const frame of frames) seen.push(ipc.retain(frame))
    return seen.map(frame => frame[0])
  },
  sum: frame => frame[0] + frame.at(-1),
}

/** The items of a stream, when it is over. */
async function pushed(stream, keep = item => item) {
  const seen = []
  for await (const item of stream) seen.push(keep(item))
  return seen
}

for (const transport of ['shm', 'unix', 'inproc']) {
  const pair = (t, options) => serveAndConnect(t, target, { address: freshAddress(transport), ...options })

  test(`${transport}: an array is there until the next item is asked for`, async t => {
    const { remote } = await pair(t)
    let before
    for await (const frame of remote.frames(20)) {
      assert.equal(frame.length, length)
      assert.equal(before?.length ?? 0, 0)
      before = frame
    }
    assert.equal(before.length, 0, 'the last one goes with the end')
  })

  test(`${transport}: what is read while items wait to be read is the same`, async t => {
    const { remote } = await pair(t)
    const seen = await pushed(await remote.frames(50), frame => [frame, frame[0], frame.at(-1)])
    assert.deepEqual(
      seen.map(([, ...values]) => values),
      [...Array(50).keys()].map(i => [i, i]),
    )
    assert.ok(seen.every(([frame]) => frame.length === 0))
  })

  test(`${transport}: small arrays stay, and Buffers of any size, which sockets and files may still write`, async t => {
    const { remote } = await pair(t)
    assert.deepEqual(
      await pushed(remote.small(3)),
      [0, 1, 2].map(i => Float64Array.of(i)),
    )
    assert.deepEqual(
      await pushed(remote.bytes(3)),
      [0, 1, 2].map(i => Buffer.alloc(100_000, i)),
    )
  })

  test(`${transport}: all arrays of an item go, wherever they are in it`, async t => {
    const { remote } = await pair(t)
    for (const { left, more, jpeg } of await pushed(remote.records(3))) {
      assert.deepEqual([left.length, more[0].get('right').data.length, jpeg.length], [0, 0, 50_000])
    }
  })

  test(`${transport}: what is retained stays, as an array, its view or a Buffer in its memory`, async t => {
    const { remote } = await pair(t)
    for (const keep of [ipc.retain, frame => ipc.retain(frame.subarray(3, 5)), frame => ipc.retain(frame.buffer)]) {
      const kept = await pushed(remote.frames(5), frame => [frame, keep(frame)][0])
      assert.deepEqual(
        kept.map(frame => [frame.length, frame[0]]),
        [0, 1, 2, 3, 4].map(i => [length, i]),
      )
    }
    const records = await pushed(remote.records(3), record => ({
      ...record,
      kept: ipc.retain(record.more[0].get('right')),
    }))
    assert.deepEqual(
      records.map(({ left, kept }) => [left.length, kept.at(5, 5)]),
      [
        [0, -0],
        [0, -1],
        [0, -2],
      ],
    )
    ipc.release(records[1].kept)
    assert.equal(records[1].kept.data.length, 0)
  })

  test(`${transport}: the last item goes when the loop is left, unless it is retained`, async t => {
    const { remote } = await pair(t)
    let last
    for await (last of remote.frames(9)) if (last[0] === 3) break
    assert.equal(last.length, 0)
    await assert.rejects(async () => {
      for await (last of remote.frames(9)) throw new Error('in the loop')
    }, /in the loop/)
    assert.equal(last.length, 0)
    for await (const frame of remote.frames(9)) {
      last = ipc.retain(frame)
      break
    }
    assert.equal(last.length, length)
  })

  test(`${transport}: close() leaves the item to whoever looks at it`, async t => {
    const { remote } = await pair(t)
    const stream = await remote.frames(9)
    for await (const frame of stream) {
      await stream.close()
      assert.equal(frame.at(-1), 0)
    }
  })

  test(`${transport}: toArray() keeps all`, async t => {
    const { remote } = await pair(t)
    assert.deepEqual(
      (await (await remote.frames(5)).toArray()).map(frame => frame[0]),
      [0, 1, 2, 3, 4],
    )
  })

  test(`${transport}: a stream that is retained can be read ahead`, async t => {
    const { remote } = await pair(t)
    const ahead = Readable.from(ipc.retain(await remote.frames(5)))
    assert.deepEqual(
      (await pushed(ahead)).map(frame => frame[0]),
      [0, 1, 2, 3, 4],
    )
    const iterator = ipc.retain(await remote.frames(2))[Symbol.asyncIterator]()
    const both = await Promise.all([iterator.next(), iterator.next()])
    assert.deepEqual(
      both.map(({ value }) => value[0]),
      [0, 1],
    )
    await iterator.return()
  })

  test(`${transport}: a stream is retained from the item on that it has given last`, async t => {
    const { remote } = await pair(t)
    const stream = await remote.frames(4)
    const seen = await pushed(stream, frame => {
      if (frame[0] === 2) ipc.retain(stream)
      return frame
    })
    assert.deepEqual(seen.map(lengthOf), [0, 0, length, length])
  })

  test(`${transport}: streams among arguments are as those of results`, async t => {
    const { remote } = await pair(t)
    assert.deepEqual(await remote.lengths(target.frames(3)), [0, 0, 0])
    assert.deepEqual(await remote.kept(target.frames(3)), [0, 1, 2])
  })

  test(`${transport}: an item may be released, and passed on, before the next is asked for`, async t => {
    const { remote } = await pair(t)
    const sums = []
    for await (const frame of remote.frames(20)) {
      sums.push(remote.sum(frame)) // sent before it returns
      if (sums.length % 2 === 0) ipc.release(frame)
    }
    assert.deepEqual(
      await Promise.all(sums),
      [...Array(20).keys()].map(i => 2 * i),
    )
  })

  test(`${transport}: a stream that is passed on arrives whole`, async t => {
    const { remote: source } = await pair(t)
    const relays = {
      whole: count => source.frames(count),
      asArgument: async count => source.kept(await source.frames(count)),
      async *byItem(count) {
        for await (const frame of source.frames(count)) yield frame
      },
      async *mixed(count) {
        for await (const frame of source.frames(count)) {
          yield 'small'
          yield { frame, size: frame.length }
        }
      },
    }
    const address = freshAddress(transport)
    await serve(t, address, relays)
    const relay = await connect(t, address)
    const expected = [...Array(30).keys()]
    assert.deepEqual(await relay.asArgument(30), expected)
    for (const method of ['whole', 'byItem']) {
      assert.deepEqual(await pushed(relay[method](30), frame => frame[length - 1]), expected)
    }
    const mixed = await pushed(relay.mixed(30), item => (item === 'small' ? item : [item.size, item.frame[length - 1]]))
    assert.deepEqual(
      mixed,
      expected.flatMap(i => ['small', [length, i]]),
    )
  })

  for (const [what, middleware] of Object.entries({
    'a generator': async (call, next) => {
      const frames = await next(call)
      return (async function* () {
        for await (const frame of frames) yield frame
      })()
    },
    'a generator around the call': (call, next) =>
      (async function* () {
        for await (const frame of next(call)) yield frame
      })(),
  })) {
    test(`${transport}: it is the same of a stream that a middleware has wrapped in ${what}`, async t => {
      const { remote } = await pair(t, { connect: { middleware } })
      assert.deepEqual((await pushed(remote.frames(3))).map(lengthOf), [0, 0, 0])
      assert.deepEqual(
        (await (await remote.frames(3)).toArray()).map(frame => frame[0]),
        [0, 1, 2],
      )
      assert.deepEqual(
        (await pushed(ipc.retain(await remote.frames(3)))).map(frame => frame[0]),
        [0, 1, 2],
      )
    })
  }
}

test('retain() refuses what it cannot keep', async t => {
  for (const wrong of [undefined, null, 1, 'text', {}, [new Float64Array(1)], new Date()]) {
    assert.throws(() => ipc.retain(wrong), {
      code: 'invalid_argument',
      message: /takes a function, an array, a table, a Buffer/,
    })
  }
  for (const own of [new Uint8Array(3), Buffer.alloc(3), new ArrayBuffer(3), ipc.NDArray.from([1]), ipc.alloc(3)]) {
    assert.equal(ipc.retain(own), own)
  }
  const { remote } = await serveAndConnect(t, target)
  assert.throws(() => ipc.retain(remote), { code: 'invalid_argument' })
})

const source = `{
  *frames(count, length) { for (let i = 0; i < count; i++) yield new Float64Array(length).fill(i) },
  async segments() { return (await import('node:fs')).readFileSync('/proc/self/maps', 'utf8').split('memfd:ipcbridge').length - 1 },
}`

test('ipc.sync: an array is there until the next item is asked for, or the loop is left', async t => {
  const address = freshName()
  await serveElsewhere(t, address, { target: source })
  const remote = ipc.sync(await connect(t, address))
  const seen = []
  for (const frame of remote.frames(20, length)) {
    assert.deepEqual([frame.length, frame.at(-1)], [length, seen.length])
    assert.ok(seen.every(each => each.length === 0))
    if (seen.push(frame) === 15) break
  }
  assert.equal(seen.at(-1).length, 0)
  assert.deepEqual(
    remote
      .frames(3, length)
      .toArray()
      .map(frame => frame[0]),
    [0, 1, 2],
  )
  assert.deepEqual(
    [...ipc.retain(remote.frames(3, length))].map(frame => frame[0]),
    [0, 1, 2],
  )
})

test('a generator that reads by ipc.sync passes on what it reads', async t => {
  const address = freshName()
  await serveElsewhere(t, address, { target: source })
  const frames = ipc.sync(await connect(t, address)).frames
  const { remote } = await serveAndConnect(t, {
    *passed(count) {
      for (const frame of frames(count, length)) yield frame
    },
  })
  assert.deepEqual(await pushed(remote.passed(50), frame => frame[length - 1]), [...Array(50).keys()])
})

test('memory that comes again while its release is not finished yet is as that which comes for the first time', async t => {
  const address = freshName()
  await serveElsewhere(t, address, { target: source })
  const remote = await connect(t, address)
  const kept = []
  for (const frame of ipc.sync(remote).frames(30, length)) if (frame[0] >= 25) kept.push(ipc.retain(frame))
  for await (const frame of remote.frames(30, length)) assert.equal(frame.length, length)
  assert.deepEqual(
    kept.map(frame => frame.at(-1)),
    [25, 26, 27, 28, 29],
  )
})

test('a steady stream of large frames takes the same few segments all the time', async t => {
  const address = freshName()
  await serveElsewhere(t, address, { target: source })
  const reader = start(
    t,
    `import { readFileSync } from 'node:fs'
     const remote = await ipc.connect(argv.address)
     const segments = () => readFileSync('/proc/self/maps', 'utf8').split('memfd:ipcbridge').length - 1
     const seen = [] // nothing is collected
     let most = 0
     for await (const frame of remote.frames(200, argv.length)) {
       if (frame.at(-1) !== seen.push(frame) - 1) throw new Error('not the frame that was sent')
       if (seen.length % 10 === 0) most = Math.max(most, segments(), await remote.segments())
     }
     say(most)`,
    { argv: { address, length: (6 << 20) / 8 } },
  )
  const most = await reader.heard()
  assert.ok(most <= 12, `${most} mappings`) // of the rings and some segments, each of which is mapped twice
})

test('of memory of threads there is nothing to keep, and nothing to give back', () => {
  const shared = new SharedArrayBuffer(80)
  const numbers = new Float64Array(shared).fill(7)
  for (const value of [shared, numbers, new ipc.NDArray(numbers, [2, 5]), Buffer.from(shared)]) {
    assert.equal(ipc.retain(value), value)
    ipc.release(value)
  }
  assert.deepEqual([...numbers], new Array(10).fill(7))
})
