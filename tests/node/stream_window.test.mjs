// The window: how far what makes the items of a stream may be ahead of its reader.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'
import { freshAddress, freshName } from './support/names.mjs'
import { watched } from './support/streams.mjs'

/** The service's count of items when it has stopped making them. */
async function settled(remote, least) {
  let made = 0
  while (made < least) made = await remote.count()
  for (let i = 0; i < 3; i++) made = await remote.count()
  return made
}

function counted() {
  const source = watched()
  return { ...source, numbers: source.numbers, later: source.later, count: () => source.made, source }
}

for (const transport of ['shm', 'unix']) {
  for (const method of ['numbers', 'later']) {
    for (const window of [1, 4, 100]) {
      test(`${transport}: ${method}() is ${window} items ahead of its reader and no more`, async t => {
        const { source, ...target } = counted()
        const { remote } = await serveAndConnect(t, target, {
          address: freshAddress(transport),
          connect: { limits: { streamWindowItems: window } },
        })
        const items = (await remote[method]())[Symbol.asyncIterator]()
        assert.equal(await settled(remote, window), window)
        let taken = 0
        while (taken < 3 * window + 20) {
          assert.equal((await items.next()).value, taken++)
          assert.ok(source.made <= taken + window, `${source.made} made, ${taken} taken`)
        }
        assert.ok((await settled(remote, taken)) <= taken + window)
        await items.return()
        await source.ended
      })
    }
  }

  test(`${transport}: the window is in bytes, too`, async t => {
    let made = 0
    const target = {
      *slabs() {
        for (;;) {
          made++
          yield Buffer.alloc(20_000)
        }
      },
      count: () => made,
    }
    const { remote } = await serveAndConnect(t, target, {
      address: freshAddress(transport),
      connect: { limits: { streamWindowBytes: 50_000 } },
    })
    const items = (await remote.slabs())[Symbol.asyncIterator]()
    assert.equal(await settled(remote, 3), 3, 'the last message may exceed it')
    for (let taken = 1; taken < 20; taken++) {
      assert.equal((await items.next()).value.length, 20_000)
      assert.ok(made <= taken + 3, `${made} made, ${taken} taken`)
    }
    await items.return()
  })

  test(`${transport}: an argument is as far ahead of the handler as the service has said`, async t => {
    const source = watched()
    const ahead = []
    const target = {
      async take(numbers) {
        let taken = 0
        for await (const _ of numbers) {
          for (let turns = 0; turns < 3; turns++) await turn()
          ahead.push(source.made - ++taken)
          if (taken === 20) return taken
        }
      },
    }
    const { remote } = await serveAndConnect(t, target, {
      address: freshAddress(transport),
      serve: { limits: { streamWindowItems: 4 } },
    })
    assert.equal(await remote.take(source.later()), 20)
    assert.ok(Math.max(...ahead) <= 4, `${ahead}`)
    await source.ended
  })

  test(`${transport}: a large window lets the generator go far ahead`, async t => {
    const { source, ...target } = counted()
    const { remote } = await serveAndConnect(t, target, {
      address: freshAddress(transport),
      connect: { limits: { streamWindowItems: 2 ** 32 - 1, streamWindowBytes: 2 ** 22 } },
    })
    const items = (await remote.numbers())[Symbol.asyncIterator]()
    while (source.made < 20_000) await turn()
    for (let next = 0; next < 40_000; next++) {
      const { value } = await items.next()
      if (value !== next) assert.fail(`${value} came instead of ${next}`)
    }
    await items.return()
  })
}

test('a window is a number from 1', async () => {
  for (const name of ['streamWindowItems', 'streamWindowBytes']) {
    for (const value of [0, -1, 2 ** 32, 1.5, Number.NaN, '8', null]) {
      const refused = {
        code: 'invalid_argument',
        message: new RegExp(`limits.${name} is an integer from 1 to 4294967295; got `),
      }
      await assert.rejects(ipc.connect('calc', { limits: { [name]: value } }), refused)
      await assert.rejects(ipc.serve(freshName(), { f() {} }, { limits: { [name]: value } }), refused)
    }
  }
})
