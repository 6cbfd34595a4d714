// What is not implemented yet is refused with 'unimplemented', and says so.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'

const isUnimplemented =
  (path, before = '') =>
  error => {
    assert.equal(error.code, 'unimplemented')
    assert.match(error.message, /later release/)
    if (path !== undefined) assert.ok(error.message.startsWith(`${before}${path} cannot be sent`), error.message)
    return true
  }

const values = {
  'an Error': () => new Error('as a value'),
}

for (const [what, make] of Object.entries(values)) {
  test(`${what} as an argument`, async t => {
    const { remote } = await serveAndConnect(t, { take: (...args) => args.length })
    await assert.rejects(remote.take(make()), isUnimplemented('args[0]'))
    await assert.rejects(remote.take(1, { items: [make()] }), isUnimplemented('args[1].items[0]'))
    await assert.rejects(remote.take(ipc.kwargs({ on: make() })), isUnimplemented('kwargs.on'))
    assert.throws(() => ipc.notify(remote).take([make()]), isUnimplemented('args[0][0]'))
    assert.equal(await remote.take(1), 1)
  })

  test(`${what} as a result`, async t => {
    const told = []
    const target = { give: make, inside: async () => ({ items: [make()] }), one: () => 1 }
    const { remote } = await serveAndConnect(t, target, { serve: { onError: error => told.push(error.code) } })
    await assert.rejects(remote.give(), isUnimplemented('result', 'give() returned what cannot be sent: '))
    await assert.rejects(remote.inside(), isUnimplemented('result.items[0]', 'inside() returned what cannot be sent: '))
    assert.deepEqual(told, ['unimplemented', 'unimplemented'])
    assert.equal(await remote.one(), 1)
  })
}

test('a call that was not awaited is no stream, but to be awaited', async t => {
  const { remote } = await serveAndConnect(t, { echo: x => x })
  const call = remote.echo(1)
  await assert.rejects(remote.echo(call), { code: 'invalid_argument', message: /await it first/ })
  await call
})
