// A remote service as an object: its properties, and how it is printed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'

test('a proxy gives the same function every time, and undefined for what is not offered', async t => {
  const { remote } = await serveAndConnect(t, { add: (a, b) => a + b, math: { mul: (a, b) => a * b } })
  assert.equal(remote.add, remote.add)
  assert.equal(remote.math, remote.math)
  const view = ipc.withOptions(remote, { timeout: 1000 })
  assert.equal(view.add, view.add)
  for (const name of ['nope', 'then', 'toJSON', 'onModuleInit', 'constructor', 'toString', 'valueOf', '__proto__']) {
    assert.equal(remote[name], undefined, name)
    assert.equal(view[name], undefined, name)
    assert.equal(name in remote, false, name)
  }
})

test('has, ownKeys and property descriptors agree', async t => {
  const { remote } = await serveAndConnect(t, { add() {}, math: { mul() {} } })
  for (const each of [remote, ipc.withOptions(remote, {})]) {
    assert.deepEqual(Reflect.ownKeys(each), ['add', 'math'])
    assert.equal('add' in each, true)
    assert.equal(Object.hasOwn ? Object.hasOwn(each, 'add') : 'add' in each, true)
    const property = Object.getOwnPropertyDescriptor(each, 'add')
    assert.equal(property.enumerable, true)
    assert.equal(property.writable, true) // methods can be replaced
    assert.deepEqual({ ...each.math }, { mul: each.math.mul })
  }
})

test('a proxy cannot be changed but for its methods', async t => {
  const { remote } = await serveAndConnect(t, { add() {} })
  for (const each of [remote, ipc.withOptions(remote, {})]) {
    assert.throws(() => {
      each.add = 1
    }, TypeError)
    assert.throws(() => {
      delete each.add
    }, TypeError)
    assert.throws(() => Object.freeze(each), TypeError)
    assert.throws(() => Object.defineProperty(each, 'x', { value: 1 }), TypeError)
  }
})

test('a proxy prints what it is, as text too', async t => {
  const { remote, address } = await serveAndConnect(t, { add() {}, math: { mul() {} } })
  assert.match(inspect(remote), new RegExp(`Remote ${address}.*add.*math.*mul`, 's'))
  assert.equal(`${remote}`, `[Remote ${address}]`)
  assert.equal(remote.math.mul.name, 'math.mul')
  assert.equal(JSON.stringify({ remote }).includes('Remote'), false)
})

test('a service whose method is named then can be connected to', async t => {
  // biome-ignore lint/suspicious/noThenProperty: it is what this is about
  const { remote } = await serveAndConnect(t, { then: x => x })
  assert.equal(remote.then, undefined)
  assert.equal(await ipc.call(remote, 'then', [1]), 1)
})

test('a service whose method is named toJSON can be printed as JSON', async t => {
  const { remote } = await serveAndConnect(t, { toJSON: () => 'called', math: { toJSON: () => 'called', add() {} } })
  assert.equal(JSON.stringify(remote), '{"math":{}}')
  assert.equal(await ipc.call(remote, 'toJSON'), 'called')
  assert.equal(await ipc.call(remote.math, 'toJSON'), 'called')
})

test('methods named like the control verbs are callable', async t => {
  const { remote } = await serveAndConnect(t, { close: () => 'closed', status: () => 'fine', call: x => x })
  assert.deepEqual([await remote.close(), await remote.status(), await remote.call(1)], ['closed', 'fine', 1])
  assert.equal(ipc.status(remote).state, 'ready')
})

test('an unknown method is refused with what may have been meant', async t => {
  const { remote } = await serveAndConnect(t, { subtract() {} })
  await assert.rejects(ipc.call(remote, 'substract'), error => {
    assert.equal(error.code, 'unimplemented')
    assert.match(error.message, /subtract/)
    return true
  })
})

test('what is printed of a service are its methods, or that it is closed', async t => {
  const { remote, address } = await serveAndConnect(t, { add() {}, math: { mul() {} } })
  assert.equal(
    inspect(remote, { breakLength: Number.POSITIVE_INFINITY }),
    `[Remote ${address}] { add: [Function: add], math: [Remote ${address} math] { mul: [Function: math.mul] } }`,
  )
  assert.equal(inspect({ remote }, { depth: 0 }), `{ remote: [Remote ${address}] }`)
  await ipc.close(remote)
  assert.equal(inspect(remote), `[Remote ${address} (closed)]`)
  assert.equal(String(remote), `[Remote ${address} (closed)]`)
})

test('of very many methods the first are printed', async t => {
  const names = Array.from({ length: 500 }, (_, i) => [`f${i}`, () => i])
  const { remote } = await serveAndConnect(t, Object.fromEntries(names))
  assert.match(inspect(remote), /f0: .*f99: .* and 400 more$/s)
})
