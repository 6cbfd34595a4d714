// connect(…, { lazy: true }) connects with the first call.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import ipc from 'ipcbridge'
import { reaches, serve, serveElsewhere } from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'

const target = { add: (a, b = 0) => a + b, math: { twice: x => 2 * x, deep: { half: x => x / 2 } } }

function lazily(t, address, options = {}) {
  const remote = ipc.connect(address, { lazy: true, ...options })
  t.after(() => ipc.close(remote))
  return remote
}

for (const transport of ['shm', 'unix']) {
  test(`${transport}: nothing happens before the first call`, async t => {
    const address = freshAddress(transport)
    const calc = lazily(t, address)
    assert.equal(await calc, calc, 'it is no promise')
    assert.equal(ipc.status(calc).state, 'disconnected')
    const server = await serve(t, address, target)
    assert.equal(ipc.status(server).connections, 0)
    assert.equal(await calc.add(2, 3), 5)
    assert.equal(ipc.status(calc).state, 'ready')
  })

  test(`${transport}: whatever is asked for may be a method, or a namespace, until the service is heard of`, async t => {
    const address = freshAddress(transport)
    await serve(t, address, target)
    const calc = lazily(t, address)
    const { none, add } = calc
    assert.equal(calc.add, add)
    assert.equal(calc.math.twice, calc.math.twice)
    assert.equal(await calc.math.deep.half(4), 2)
    await assert.rejects(none(), { code: 'unimplemented' })
    assert.equal(calc.none, undefined, 'now it is known')
    assert.deepEqual(Object.keys(calc), ['add', 'math'])
    assert.equal(await add(1, 1), 2, 'what was taken before still calls')
    assert.equal(await calc.math.twice(4), 8)
  })

  test(`${transport}: its views are lazy, too`, async t => {
    const address = freshAddress(transport)
    const child = await serveElsewhere(t, address, {
      target: '{ add: (a, b) => a + b, math: { twice: x => 2 * x }, sleep: () => new Promise(() => {}) }',
    })
    assert.equal(await ipc.withOptions(lazily(t, address), { timeout: 5000 }).math.twice(2), 4)
    assert.equal(ipc.sync(lazily(t, address)).add(1, 2), 3)
    assert.equal(ipc.sync(lazily(t, address)).math.twice(2), 4)
    assert.equal(ipc.notify(lazily(t, address)).add(1, 2), true)
    assert.equal(await ipc.call(lazily(t, address), 'add', [1, 2]), 3)
    assert.deepEqual(Object.keys((await ipc.describe(lazily(t, address))).methods), ['add', 'math.twice', 'sleep'])
    await assert.rejects(ipc.withOptions(lazily(t, address), { timeout: 50 }).sleep(), { code: 'deadline_exceeded' })
    child.kill('SIGKILL')
  })

  test(`${transport}: the first call waits for the service, for connectTimeout from then on, and the next tries anew`, async t => {
    const address = freshAddress(transport)
    const calc = lazily(t, address, { connectTimeout: 50 })
    await assert.rejects(calc.add(1), { code: 'unavailable', sent: 'no', message: /no service at/ })
    assert.equal(ipc.status(calc).state, 'disconnected')
    await serve(t, address, target)
    assert.equal(await calc.add(1), 1)
  })

  test(`${transport}: calls at once connect once`, async t => {
    const address = freshAddress(transport)
    const server = await serve(t, address, target)
    const calc = lazily(t, address)
    assert.deepEqual(await Promise.all([1, 2, 3].map(i => calc.add(i))), [1, 2, 3])
    assert.equal(ipc.status(server).connections, 1)
  })
}

test('it looks like what it is', async t => {
  const address = freshAddress('shm')
  const calc = lazily(t, address)
  assert.equal(inspect(calc), `[Remote ${address}] {}`)
  assert.equal(String(calc), `[Remote ${address}]`)
  assert.equal(JSON.stringify({ calc }), '{"calc":{}}')
  assert.equal(calc.then, undefined)
  assert.equal(calc._hidden, undefined)
  assert.equal('add' in calc, false)
})

test('one that is closed before its first call has never connected', async t => {
  const address = freshAddress('shm')
  const server = await serve(t, address, target)
  const calc = lazily(t, address)
  const { add } = calc
  await ipc.close(calc)
  assert.equal(calc.add, undefined)
  await assert.rejects(add(1), { code: 'failed_precondition' })
  assert.equal(ipc.status(server).connections, 0)
})

test('a call that does not wait begins to connect', async t => {
  const address = freshAddress('shm')
  await serve(t, address, target)
  const calc = lazily(t, address)
  const ready = reaches(calc, 'ready')
  const impatient = ipc.withOptions(calc, { waitForReady: false })
  await assert.rejects(impatient.add(1), { code: 'unavailable', sent: 'no' })
  await ready
  assert.equal(await impatient.add(1), 1)
})

test('its states are told', async t => {
  const address = freshAddress('shm')
  const calc = lazily(t, address)
  const states = []
  ipc.onState(calc, state => states.push(state))
  const ready = reaches(calc, 'ready')
  await serve(t, address, target)
  await calc.add(1)
  await ready
  assert.deepEqual(states, ['connecting', 'ready'])
})

test('mistakes are told at once', () => {
  assert.throws(() => ipc.connect('no/name', { lazy: true }), { code: 'invalid_argument' })
  assert.throws(() => ipc.connect('calc', { lazy: true, nope: 1 }), { code: 'invalid_argument' })
  assert.rejects(ipc.connect('calc', { lazy: 1 }), { code: 'invalid_argument' })
})
