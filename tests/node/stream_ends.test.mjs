// How generators are cleaned up, and where streams cannot be.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { deferred, serveAndConnect } from './support/endpoints.mjs'
import { watched } from './support/streams.mjs'

/** Generators that do more than end when their reader leaves, and what they have noticed. */
function odd() {
  let cleaned = deferred()
  const service = {
    count: 0,
    /** Resolves when the next `finally` runs. */
    cleaned: () => cleaned.promise,
    ping: () => 'pong',
    *raising() {
      try {
        for (let number = 0; ; number++) yield number
      } finally {
        note()
        // biome-ignore lint/correctness/noUnsafeFinally: what users write
        throw new Error('in finally')
      }
    },
    *yielding() {
      try {
        for (let number = 0; ; number++) yield number
      } finally {
        note()
        yield -1
      }
    },
    async *awaiting() {
      try {
        for (let number = 0; ; number++) yield number
      } finally {
        await turn()
        note()
      }
    },
    async *raisingLater() {
      try {
        for (let number = 0; ; number++) yield number
      } finally {
        note()
        await turn()
        // biome-ignore lint/correctness/noUnsafeFinally: what users write
        throw new Error('in finally')
      }
    },
    async *yieldingLater() {
      try {
        for (let number = 0; ; number++) yield number
      } finally {
        note()
        yield -1
      }
    },
  }
  function note() {
    service.count++
    cleaned.resolve()
    cleaned = deferred()
  }
  return service
}

for (const method of ['raising', 'yielding', 'awaiting', 'raisingLater', 'yieldingLater']) {
  test(`the finally of ${method}() runs once, and costs nobody else`, async t => {
    const service = odd()
    const told = []
    const { remote } = await serveAndConnect(t, service, {
      serve: { onError: (error, { method }) => told.push([error.message, method]) },
    })
    for (let round = 1; round <= 3; round++) {
      const cleaned = service.cleaned()
      const items = []
      for await (const item of remote[method]()) if (items.push(item) === 3) break
      assert.deepEqual(items, [0, 1, 2])
      await cleaned
      assert.equal(await remote.ping(), 'pong')
      assert.equal(service.count, round)
    }
    assert.equal(ipc.status(remote).openStreams, 0)
    assert.deepEqual(told, method.startsWith('raising') ? Array(3).fill(['in finally', method]) : [])
  })
}

for (const method of ['raising', 'yielding', 'awaiting', 'raisingLater', 'yieldingLater']) {
  test(`the finally of ${method}() as an argument runs once, and costs nobody else`, async t => {
    const mine = odd()
    const service = {
      ping: () => 'pong',
      async first(numbers) {
        for await (const number of numbers) return number
      },
    }
    const { remote } = await serveAndConnect(t, service)
    for (let round = 1; round <= 3; round++) {
      const cleaned = mine.cleaned()
      assert.equal(await remote.first(mine[method]()), 0)
      await cleaned
      assert.equal(await remote.ping(), 'pong')
      assert.equal(mine.count, round)
    }
    assert.equal(ipc.status(remote).openStreams, 0)
  })
}

test('iterating a call takes care of its rejection', async t => {
  const { remote } = await serveAndConnect(
    t,
    {
      fail() {
        throw new Error('before it began')
      },
    },
    { serve: { onError() {} } },
  )
  const calls = remote.fail()
  await assert.rejects(
    async () => {
      for await (const _ of calls);
    },
    { message: 'before it began' },
  )
})

test('a result that was to be streamed and cannot be sent is cleaned up', async t => {
  const destroyed = deferred()
  const { remote } = await serveAndConnect(
    t,
    { bad: () => [new Readable({ read() {}, destroy: () => destroyed.resolve() }), Symbol('x')] },
    { serve: { onError() {} } },
  )
  await assert.rejects(remote.bad(), { code: 'internal', message: /result\[1\] cannot be sent/ })
  await destroyed.promise
})

test('neither metadata nor errors carry streams', async t => {
  const { remote } = await serveAndConnect(t, {
    fail() {
      throw new ipc.IpcError('not_found', 'with details', { rows: watched().numbers() })
    },
  })
  assert.throws(() => ipc.withOptions(remote, { metadata: { rows: watched().numbers() } }), {
    code: 'invalid_argument',
    message: /^metadata\.rows cannot be sent: a stream, which no metadata can carry/,
  })
  await assert.rejects(remote.fail(), error => {
    assert.match(error.stack, /details were left out: details\.rows cannot be sent: a stream, which no error can carry/)
    return error.code === 'not_found'
  })
})
