// What makes the items of a stream, against a native side that says when there is room.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

const require = createRequire(import.meta.url)
const { native } = require('../../js/dist/runtime.js')
const { produce } = require('../../js/dist/streams/produce.js')
const { openStreams } = require('../../js/dist/streams/open_streams.js')

const key = { connection: 1, id: 1 }
const host = {
  run: code => code(),
  runAsync: code => code(),
  expose: true,
  mapped: error => error,
  unsendable: error => error,
  failed: error => assert.fail(error),
  failedToClean: error => assert.fail(error),
  cancelled() {},
  over() {},
}

/** Where the items to send are: told once for memory that is used again. */
let memory

/** Replaces the native side: `grant` says how many items may be sent from then on. */
function withRoom(t) {
  const side = { room: 0, sent: 0, ended: false }
  t.mock.method(native(), 'streamRoom', () => side.room)
  t.mock.method(native(), 'useItems', bytes => {
    memory = bytes
  })
  t.mock.method(native(), 'sendItems', () => {
    const count = memory.readUInt32LE()
    assert.ok(count <= side.room, `${count} items sent, of ${side.room}`)
    side.sent += count
    side.room -= count
    return side.room
  })
  t.mock.method(native(), 'endStream', () => {
    side.ended = true
  })
  side.grant = items => {
    side.room = items
    for (const stream of openStreams()) stream.onRoom()
  }
  return side
}

function burn() {
  for (const until = performance.now() + 2; performance.now() < until; );
}

const sources = {
  *'a generator'(count) {
    for (let item = 0; item < count; item++) {
      burn()
      yield item
    }
  },
  async *'an async generator'(count) {
    for (let item = 0; item < count; item++) {
      burn()
      yield item
    }
  },
}

for (const [what, make] of Object.entries(sources)) {
  test(`room that comes while ${what} lets the event loop have its turn is used`, async t => {
    const side = withRoom(t)
    side.room = 1
    produce(key, [make(3)], host)
    for (let sent = 1; sent <= 2; sent++) {
      while (side.sent < sent) await turn()
      side.grant(1)
    }
    while (!side.ended) {
      await turn()
      if (side.room === 0) side.grant(1)
    }
    assert.equal(side.sent, 3)
  })

  test(`${what} is not asked for more than there is room for`, async t => {
    const side = withRoom(t)
    let made = 0
    const counted = make(10)
    const source = {
      [Symbol.asyncIterator]: undefined,
      [Symbol.iterator]: undefined,
      [what.includes('async') ? Symbol.asyncIterator : Symbol.iterator]: () => ({
        next: () => {
          made++
          return counted.next()
        },
      }),
    }
    produce(key, [source], host)
    for (let turns = 0; turns < 10; turns++) await turn()
    assert.equal(made, 0)
    side.grant(4)
    while (side.room > 0) await turn()
    for (let turns = 0; turns < 10; turns++) await turn()
    assert.equal(made, 4)
    side.grant(100)
    while (!side.ended) await turn()
  })
}
