// The native side cannot take what runs the callbacks of this process: nothing is passed by reference then.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'

const require = createRequire(import.meta.url)
const { control, codeNumber, native } = require('../../js/dist/runtime.js')
const { Control } = require('../../js/dist/native.js')

const refused = { code: 'resource_exhausted' }

async function withoutReferences(t, target) {
  const { remote } = await serveAndConnect(t, target, { serve: { onError: () => {} } })
  t.mock.method(native(), 'serveReferences', () => -codeNumber('resource_exhausted'))
  return remote
}

function* numbers(ended) {
  try {
    yield 1
  } finally {
    ended()
  }
}

test('a call with a callback is rejected, and the process is not kept alive for it', async t => {
  const remote = await withoutReferences(t, { take: () => {} })
  const before = control[Control.keepAlive]
  let ended = 0
  const source = numbers(() => ended++)
  source.next()
  await assert.rejects(
    remote.take(() => 1, source),
    refused,
  )
  assert.equal(ended, 1, 'the stream beside it has ended')
  assert.throws(() => ipc.sync(remote).take(() => 1), refused)
  assert.equal(control[Control.keepAlive], before)
})

test('a call whose result is passed by reference fails', async t => {
  let ended = 0
  const give = () => {
    const source = numbers(() => ended++)
    source.next()
    return [ipc.retain(() => 1), source]
  }
  const remote = await withoutReferences(t, { give })
  await assert.rejects(remote.give(), refused)
  assert.equal(ended, 1, 'the stream beside it has ended')
})
