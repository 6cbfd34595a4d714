// What stacks show of middleware.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'
import { target } from './support/middleware.mjs'

test('frames of the library are left out of stacks', async t => {
  async function around(call, next) {
    return await next(call)
  }
  function fail() {
    throw new Error('x')
  }
  const options = { serve: { middleware: [around, around], onError() {} }, connect: { middleware: [around] } }
  const { remote } = await serveAndConnect(t, { fail }, options)
  async function user() {
    return await remote.fail()
  }
  await assert.rejects(user(), ({ stack, remoteStack }) => {
    assert(!stack.includes('js/dist'), stack)
    assert.match(remoteStack, /at .*fail .*\n.*at .*around .*\n.*at .*around /)
    const [local] = stack.split('Remote stack:')
    assert.match(local, /at async around .*\n *at async user /)
    return true
  })
})

test('an IpcError of a middleware keeps the line that throws it, in every way of calling', async t => {
  const refuse = call => {
    throw new ipc.IpcError('permission_denied', `no ${call.kind} of\n    at all`)
  }
  const { remote } = await serveAndConnect(t, target, { connect: { middleware: refuse } })
  for (const act of [() => remote.add(1), () => ipc.sync(remote).add(1), () => ipc.notify(remote).add(1)]) {
    const error = await Promise.resolve()
      .then(act)
      .then(assert.fail, reason => reason)
    assert.equal(error.code, 'permission_denied')
    assert.match(error.stack, /at all\n {4}at refuse .*middleware_stacks\.test\.mjs/)
    assert.doesNotMatch(error.stack, /js.dist/)
  }
})
