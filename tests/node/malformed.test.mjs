// A peer that sends valid messages with nonsense in them.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'

const require = createRequire(import.meta.url)
const { Dispatcher } = require('../../js/dist/serve/dispatcher.js')
const { handleOf } = require('../../js/dist/client/remote.js')
const { Metadata } = require('../../js/dist/metadata.js')
const { Encoder } = require('../../js/dist/values/index.js')

function encode(value) {
  const encoder = new Encoder()
  return Buffer.from(encoder.buffer.subarray(0, encoder.encodeResult(value)))
}

const method = { signature: '()', doc: null, params: [], async: false }

for (const [what, reply] of Object.entries({
  nothing: null,
  'a string': 'x',
  'no methods': { service: 'x' },
  'methods in an array': { service: 'x', methods: [method] },
  'a method without a signature': { service: 'x', methods: { f: { ...method, signature: null } } },
  'a method of another shape': { service: 'x', methods: { f: 'x' } },
  'a parameter of an unknown kind': {
    service: 'x',
    methods: { f: { ...method, params: [{ name: 'a', required: true, kind: 'odd' }] } },
  },
})) {
  test(`a service that describes itself by ${what} gets describe() an error`, async t => {
    const { remote } = await serveAndConnect(t, { f() {} })
    t.mock.method(Dispatcher.prototype, 'describe', function describe(callId) {
      const length = require('../../js/dist/runtime.js').encoder.encodeResult(reply)
      this.answer(callId, length)
    })
    await assert.rejects(ipc.describe(remote), { name: 'IpcError', code: 'data_loss' })
  })
}

for (const [what, metadata] of Object.entries({ 'an array': [1], 'a string': 'x', 'a Map': new Map([[1, 2]]) })) {
  test(`metadata that are ${what} fail the call whose handler asks for them`, async t => {
    const { remote } = await serveAndConnect(t, { ask: () => ipc.context().metadata, add: (a, b) => a + b })
    const { client } = handleOf(remote)
    const settings = {
      flags: 0,
      timeout: Number.POSITIVE_INFINITY,
      signal: undefined,
      metadata: new Metadata(encode(metadata)),
    }
    const call = (name, ...args) => client.call(client.methodNumber(name), args, settings)
    await assert.rejects(call('ask'), { code: 'data_loss', message: /metadata/ })
    assert.equal(await call('add', 1, 2), 3)
  })
}

test('metadata that cannot be looked at are refused', async t => {
  const { remote } = await serveAndConnect(t, { f() {} })
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  for (const metadata of [proxy, [1], 'x', new Map(), null]) {
    assert.throws(() => ipc.withOptions(remote, { metadata }), { code: 'invalid_argument' })
  }
})
