// How generators are cleaned up, and where streams cannot be.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { deferred, serveAndConnect } from './support/endpoints.mjs'
import { watched } from './support/streams.mjs'

test('what throws while it cleans up is told on the side that serves', async t => {
  const told = deferred()
  const target = {
    *rows() {
      try {
        for (;;) yield 1
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: what users write
        throw new Error('in finally')
      }
    },
  }
  const { remote } = await serveAndConnect(t, target, {
    serve: { onError: (error, { method }) => told.resolve([error.message, method]) },
  })
  for await (const _ of remote.rows()) break
  assert.deepEqual(await told.promise, ['in finally', 'rows'])
})

test('a generator that yields in its finally, or swallows its end, is left', async t => {
  let left = 0
  const target = {
    *rows() {
      try {
        for (;;) yield 1
      } finally {
        left++
        yield 2
      }
    },
  }
  const { remote } = await serveAndConnect(t, target)
  for await (const _ of remote.rows()) break
  while (left === 0) await turn()
  assert.equal(await (await remote.rows()).close(), undefined)
})

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
