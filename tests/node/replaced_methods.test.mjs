import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import * as testing from 'ipcbridge/testing'
import { reaches, serve } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

async function calcOf(t) {
  const calc = await testing.fake({ add: (a, b = 0) => a + b, math: { add: (a, b) => a + b } })
  t.after(() => ipc.close(calc))
  return calc
}

test('a method is replaced by assigning to it, and put back so', async t => {
  const calc = await calcOf(t)
  const own = calc.add
  calc.add = () => 'replaced'
  assert.equal(calc.add(1), 'replaced')
  calc.add = own
  assert.equal(calc.add, own)
  assert.equal(calc.add, calc.add)
  assert.equal(await calc.add(1, 2), 3)
})

test("node:test's mock.method replaces methods, of namespaces too, and puts them back", {
  skip: !test.mock,
}, async t => {
  const calc = await calcOf(t)
  for (const [holder, result] of [
    [calc, 3],
    [calc.math, 3],
    [ipc.withOptions(calc, { timeout: 5000 }), 3],
  ]) {
    const own = holder.add
    const replaced = test.mock.method(holder, 'add', () => 9)
    assert.equal(holder.add(1, 2), 9)
    assert.equal(replaced.mock.callCount(), 1)
    replaced.mock.restore()
    assert.equal(holder.add, own)
    assert.equal(await holder.add(1, 2), result)
  }
})

test('every view of the connection has the replacement', async t => {
  const calc = await calcOf(t)
  const view = ipc.withOptions(calc, { timeout: 5000 })
  const own = view.add
  calc.add = () => 9
  calc.math.add = () => 8
  assert.deepEqual([view.add(), view.math.add(), ipc.withOptions(view, {}).add(), ipc.notify(calc).add()], [9, 8, 9, 9])
  delete calc.add
  delete calc.math.add
  assert.equal(view.add, own)
  assert.deepEqual([await view.add(1), await view.math.add(1, 1)], [1, 2])
  view.add = () => 7
  assert.equal(calc.add(), 7)
  view.add = own
  assert.equal(await calc.add(1), 1)
})

test('other clients of the service keep their methods', async t => {
  const address = freshName()
  await serve(t, address, { add: a => a })
  const [calc, other] = [await ipc.connect(address), await ipc.connect(address)]
  t.after(() => Promise.all([ipc.close(calc), ipc.close(other)]))
  calc.add = () => 9
  assert.equal(await other.add(1), 1)
})

test('a replacement stays when the service is started again, and can be undone when it does not offer the method', async t => {
  const address = freshName()
  const first = await serve(t, address, { add: a => a })
  const calc = await ipc.connect(address)
  t.after(() => ipc.close(calc))
  const own = calc.add
  calc.add = () => 9
  const lost = reaches(calc, 'reconnecting')
  await first.close()
  await lost
  const second = await serve(t, address, { add: a => a, sub: a => a })
  await reaches(calc, 'ready')
  assert.equal(typeof calc.sub, 'function')
  assert.equal(calc.add(), 9)
  const lostAgain = reaches(calc, 'reconnecting')
  await second.close()
  await lostAgain
  await serve(t, address, { sub: a => a })
  await reaches(calc, 'ready')
  assert.equal(calc.add, undefined)
  calc.add = own
  assert.equal(calc.add, undefined)
  assert.equal(await calc.sub(1), 1)
})

test('a method shows as one that can be replaced', async t => {
  const calc = await calcOf(t)
  for (const holder of [calc, calc.math, ipc.withOptions(calc, {})]) {
    const { value, ...others } = Object.getOwnPropertyDescriptor(holder, 'add')
    assert.equal(value, holder.add)
    assert.deepEqual(others, { writable: true, enumerable: true, configurable: true })
  }
  assert.deepEqual(Object.keys(ipc.withOptions(calc, {})), ['add', 'math'])
})

test('what is no method is not replaced, nor is a method by a value', async t => {
  const calc = await calcOf(t)
  for (const holder of [calc, ipc.withOptions(calc, {})]) {
    for (const [name, value] of [
      ['add', 1],
      ['other', () => 1],
      ['math', () => 1],
      [Symbol.iterator, () => 1],
    ]) {
      assert.throws(() => {
        holder[name] = value
      }, /TypeError: a remote service cannot be changed from here/)
    }
    assert.throws(() => Object.defineProperty(holder, 'add', { get: () => 1 }), TypeError)
    assert.throws(() => delete holder.add, TypeError)
    assert.throws(() => delete holder.other, TypeError)
    assert.throws(() => Object.freeze(holder), TypeError)
    assert.throws(() => Object.setPrototypeOf(holder, {}), TypeError)
  }
})
