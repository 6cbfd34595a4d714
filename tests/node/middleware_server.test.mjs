// Middleware around the handlers of a service: what it has of the call, and what becomes of its errors.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'
import { target } from './support/middleware.mjs'

test('on the serving side next() gives what the handler returns, as it is', async t => {
  const given = []
  const look = (call, next) => {
    const result = next(call)
    given.push(result)
    return result
  }
  const { remote } = await serveAndConnect(t, target, { serve: { middleware: look } })
  assert.equal(await remote.add(1, 2), 3)
  assert.equal(await remote.addLater(1, 2), 3)
  assert.equal(given[0], 3)
  assert(given[1] instanceof Promise)
})

test('it has the context of the call, also after an await', async t => {
  const seen = []
  const look = async (call, next) => {
    await turn()
    seen.push(ipc.context() === call.context, call.context.metadata)
    call.metadata.a = 2
    return next(call)
  }
  const { remote } = await serveAndConnect(t, target, { serve: { middleware: look } })
  assert.deepEqual(await ipc.withOptions(remote, { metadata: { a: 1 } }).see(), { a: 1 })
  assert.deepEqual(seen, [true, { a: 1 }])
})

test('arguments that do not fit are refused as without', async t => {
  const told = []
  const options = { middleware: async (call, next) => next(call), mapError: error => void told.push(error) }
  const { remote } = await serveAndConnect(t, target, { serve: { ...options, onError: assert.fail } })
  await assert.rejects(remote.add(1, 2, 3), { code: 'invalid_argument', message: /takes at most 2 arguments/ })
  await assert.rejects(remote.add(1, ipc.kwargs({ c: 3 })), { code: 'invalid_argument', message: /no parameter 'c'/ })
  assert.deepEqual(told, [])
})

test('what a middleware throws is mapped and reported as what a handler throws', async t => {
  const told = []
  const { remote } = await serveAndConnect(t, target, {
    serve: {
      middleware: () => {
        throw new RangeError('broken')
      },
      mapError: error => new TypeError(`mapped: ${error.message}`),
      onError: (error, { method }) => told.push([method, error.message]),
    },
  })
  await assert.rejects(remote.add(1), { type: 'TypeError', message: 'mapped: broken' })
  assert.deepEqual(told, [['add', 'mapped: broken']])
})
