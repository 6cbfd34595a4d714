// How a call and a stream end whose signal is aborted.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import ipc from 'ipcbridge'
import { connect, deferred, serveAndConnect, serveElsewhereAndConnect } from './support/endpoints.mjs'
import { gc } from './support/memory.mjs'
import { directory, freshName } from './support/names.mjs'

function target() {
  const begun = deferred()
  return {
    begun,
    methods: {
      async hang() {
        begun.resolve(ipc.context())
        await new Promise(() => {})
      },
      async *stuck() {
        yield 1
        await new Promise(() => {})
      },
    },
  }
}

/** Each way to be aborted. */
const ways = {
  'a call that is under way': async ({ remote, begun, controller, reason }) => {
    const call = ipc.withOptions(remote, { signal: controller.signal }).hang()
    await begun.promise
    controller.abort(reason)
    await call
  },
  'a call that has not begun': async ({ remote, controller, reason }) => {
    controller.abort(reason)
    await ipc.withOptions(remote, { signal: controller.signal }).hang()
  },
  'a notification': async ({ remote, controller, reason }) => {
    controller.abort(reason)
    ipc.notify(ipc.withOptions(remote, { signal: controller.signal })).hang()
  },
  'the stream of a result': async ({ remote, controller, reason }) => {
    const stream = await ipc.withOptions(remote, { signal: controller.signal }).stuck()
    const reader = stream[Symbol.asyncIterator]()
    await reader.next()
    controller.abort(reason)
    await reader.next()
  },
}

async function failureOf(t, way, reason) {
  const { methods, begun } = target()
  const { remote } = await serveAndConnect(t, methods)
  const controller = new AbortController()
  try {
    await way({ remote, begun, controller, reason })
  } catch (error) {
    return error
  }
  return assert.fail('it did not fail')
}

for (const [what, way] of Object.entries(ways)) {
  test(`${what}, when aborted, fails with an IpcError named AbortError`, async t => {
    const reason = new Error('the user left')
    const error = await failureOf(t, way, reason)
    assert.ok(error instanceof ipc.IpcError)
    assert.equal(error.name, 'AbortError')
    assert.equal(error.code, 'cancelled')
    assert.equal(error.cause, reason)
    assert.match(String(error), /^AbortError: (hang|stuck)\(\) was aborted$/)
    assert.match(error.stack, /^AbortError: (hang|stuck)\(\) was aborted\n +at .*aborts\.test\.mjs/)
    assert.doesNotMatch(error.stack, /js.dist/)
    assert.match(inspect(error), /^IpcError \[AbortError\]: (hang|stuck)\(\) was aborted\n/)
    assert.equal(JSON.parse(JSON.stringify(error)).name, 'AbortError')
    assert.deepEqual(Object.keys(error).includes('name'), false)
  })

  test(`${what}, when its signal says that time is over, fails with one named TimeoutError`, async t => {
    const reason = new DOMException('it took too long', 'TimeoutError')
    const error = await failureOf(t, way, reason)
    assert.ok(error instanceof ipc.IpcError)
    assert.equal(error.name, 'TimeoutError')
    assert.equal(error.code, 'deadline_exceeded')
    assert.equal(error.cause, reason)
    assert.match(String(error), /^TimeoutError: (hang|stuck)\(\) was aborted: /)
    assert.equal(error.sent, /not begun|notification/.test(what) ? 'no' : 'maybe')
  })
}

test('a reason that cannot be read is a reason all the same', async t => {
  const reason = Object.defineProperty(new Error('odd'), 'name', {
    get() {
      throw new Error('no name')
    },
  })
  const error = await failureOf(t, ways['a call that has not begun'], reason)
  assert.equal(error.name, 'AbortError')
})

test('the signal of a handler gives an AbortError as its reason', async t => {
  const { methods, begun } = target()
  const { remote } = await serveAndConnect(t, methods)
  const controller = new AbortController()
  const call = ipc.withOptions(remote, { signal: controller.signal }).hang()
  const { signal } = await begun.promise
  const aborted = once(signal, 'abort')
  controller.abort()
  await assert.rejects(call, { name: 'AbortError' })
  await aborted
  assert.equal(signal.reason.name, 'AbortError')
  assert.equal(signal.reason.code, 'cancelled')
})

test('a handler that lets its own AbortError through is RemoteError of that type to its caller', async t => {
  const { remote: inner } = await serveAndConnect(t, target().methods)
  const relay = () => ipc.withOptions(inner, { signal: AbortSignal.abort() }).hang()
  const { remote } = await serveAndConnect(t, { relay }, { serve: { onError() {} }, address: freshName() })
  await assert.rejects(remote.relay(), { name: 'RemoteError', type: 'AbortError', code: 'cancelled' })
})

test('what an answer brings that has arrived when its call is aborted is given back', async t => {
  const flag = join(directory, 'lent')
  const controller = new AbortController()
  const { address } = await serveElsewhereAndConnect(t, {
    target: `{
      lend: flag => {
        ipc.notify(ipc.context().peer.remote).abort()
        setImmediate(async () => (await import('node:fs')).writeFileSync(flag, '')) // has been answered
        return ipc.proxy({ wait() {} })
      },
      shared: async () => (await import('./references.mjs')).ownedCount(),
    }`,
  })
  const remote = await connect(t, address, { serve: { abort: () => controller.abort() } })
  const call = ipc.withOptions(remote, { signal: controller.signal }).lend(flag)
  while (!existsSync(flag)); // so that both are read together
  await assert.rejects(call, { name: 'AbortError' })
  while ((await remote.shared()) > 0) gc()
})
