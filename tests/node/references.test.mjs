// Retained functions, and objects that are passed by reference.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { inspect } from 'node:util'
import ipc from 'ipcbridge'
import { connect, deferred, lose, reaches, serveAndConnect, serveElsewhereAndConnect } from './support/endpoints.mjs'
import { gc } from './support/memory.mjs'
import { freshAddress } from './support/names.mjs'
import { forge, ownedCount } from './support/references.mjs'

/** Waits, looking again with each turn of the event loop. */
async function until(isSo, between = () => {}) {
  while (!isSo()) {
    between()
    await new Promise(setImmediate)
  }
}

class Counter {
  step = 1
  #count = 0
  history = ['made']
  _secret = 1
  get count() {
    return this.#count
  }
  add(times = 1) {
    this.#count += times * this.step
    return this.#count
  }
  async later(times) {
    return this.add(times)
  }
  self() {
    return ipc.proxy(this)
  }
  *steps(count) {
    for (let i = 0; i < count; i++) yield this.add()
  }
  _hidden() {}
}

/** A service that keeps what it was passed. */
function keeper() {
  const kept = []
  return {
    kept,
    keep: reference => kept.push(reference) - 1,
    call: (place, ...args) => kept[place](...args),
    method: (place, name, ...args) => kept[place][name](...args),
    isSame: (left, right) => left === right,
    isKept: (place, reference) => kept[place] === reference,
    release: place => ipc.release(kept[place]),
    drop: () => kept.splice(0).length,
    ignore(_reference) {},
    back: reference => reference,
    proxied: reference => ipc.proxy(reference),
    get: (place, name) => ipc.getAttribute(kept[place], name),
    set: (place, name, value) => ipc.setAttribute(kept[place], name, value),
    counter: () => ipc.proxy(new Counter()),
    adder: by => ipc.retain(x => x + by),
  }
}

for (const transport of ['shm', 'unix']) {
  const pair = t => serveAndConnect(t, keeper(), { address: freshAddress(transport), serve: { onError() {} } })

  test(`${transport}: a retained function outlives its call, until it is released`, async t => {
    const { remote } = await pair(t)
    const double = ipc.retain(x => 2 * x)
    assert.equal(double(4), 8)
    const place = await remote.keep(double)
    assert.equal(await remote.call(place, 21), 42)
    assert.equal(ownedCount(), 1)
    ipc.release(double)
    assert.equal(ownedCount(), 0)
    await assert.rejects(remote.call(place, 1), { code: 'failed_precondition', message: /until it is released/ })
    await assert.rejects(remote.keep(double), { code: 'invalid_argument', message: /was released/ })
    assert.equal(double(4), 8)
  })

  test(`${transport}: the same function is the same reference`, async t => {
    const { remote } = await pair(t)
    const fn = x => x
    const kept = ipc.retain(fn)
    assert.equal(ipc.retain(fn), kept)
    assert.equal(ipc.retain(kept), kept)
    assert.equal(await remote.isSame(kept, kept), true)
    const place = await remote.keep(kept)
    assert.equal(await remote.isKept(place, kept), true)
    assert.equal(
      await remote.isKept(
        place,
        ipc.retain(x => x),
      ),
      false,
    )
    ipc.release(fn)
    const again = ipc.retain(fn)
    assert.notEqual(again, kept)
    assert.equal(await remote.isKept(place, again), false)
    assert.equal(ipc.retain(kept), again)
    ipc.release(again)
  })

  test(`${transport}: who has a retained function gives it back`, async t => {
    const { remote } = await pair(t)
    const place = await remote.keep(ipc.retain(() => 1))
    await remote.release(place)
    await until(() => ownedCount() === 0)
    await assert.rejects(remote.call(place), { code: 'failed_precondition', message: /was released here/ })
  })

  test(`${transport}: closing gives back`, async t => {
    const { remote } = await pair(t)
    const before = ownedCount()
    const all = [await remote.counter(), await remote.adder(1)]
    assert.deepEqual([await all[0].add(2), await all[1](2), ownedCount()], [2, 3, before + 2])
    for (const each of [...all, ...all]) await ipc.close(each)
    const released = { code: 'failed_precondition', message: /was released here/ }
    await assert.rejects(all[0].add(), released)
    await assert.rejects(all[1](1), released)
    await until(() => ownedCount() === before)
  })

  test(`${transport}: one that is given back and passed again is the owner's still`, async t => {
    const { remote } = await pair(t)
    const fn = ipc.retain(() => 'here')
    for (let times = 0; times < 3; times++) {
      const place = await remote.keep(fn)
      await remote.release(place)
    }
    const place = await remote.keep(fn)
    assert.equal(await remote.call(place), 'here')
    ipc.release(fn)
  })

  test(`${transport}: a handler returns functions and objects`, async t => {
    const { remote } = await pair(t)
    const add = await remote.adder(3)
    assert.equal(await add(4), 7)
    ipc.release(add)
    await assert.rejects(add(1), { code: 'failed_precondition' })
    const counter = await remote.counter()
    assert.equal(await counter.add(), 1)
    assert.equal(await counter.later(4), 5)
    assert.equal(await counter.self(), counter)
    const steps = []
    for await (const step of counter.steps(2)) steps.push(step)
    assert.deepEqual(steps, [6, 7])
    ipc.release(counter)
    await assert.rejects(counter.add(), { code: 'failed_precondition' })
  })

  test(`${transport}: an object by reference has its methods, and no others`, async t => {
    const { remote } = await pair(t)
    const counter = new Counter()
    const place = await remote.keep(ipc.proxy(counter))
    assert.equal(await remote.method(place, 'add', 5), 5)
    assert.equal(counter.count, 5)
    assert.equal(await remote.isKept(place, ipc.proxy(counter)), true)
    for (const name of ['_hidden', 'count', 'step', 'constructor', 'toString']) {
      await assert.rejects(remote.method(place, name), Error, name)
    }
    ipc.release(counter)
    await assert.rejects(remote.method(place, 'add'), { code: 'failed_precondition' })
  })

  test(`${transport}: the attributes of an object`, async t => {
    const { remote } = await pair(t)
    const counter = new Counter()
    const place = await remote.keep(ipc.proxy(counter))
    assert.equal(await remote.set(place, 'step', 10), null)
    assert.equal(await remote.method(place, 'add'), 10)
    assert.equal(await remote.get(place, 'count'), 10)
    assert.deepEqual(await remote.get(place, 'history'), ['made'])
    await assert.rejects(remote.get(place, 'nope'), {
      code: 'not_found',
      message: "the object has no attribute 'nope'",
    })
    await assert.rejects(remote.set(place, 'nope', 1), { code: 'not_found' })
    await assert.rejects(remote.get(place, '_secret'), { code: 'permission_denied', message: /begins with _/ })
    await assert.rejects(remote.get(place, 'add'), { code: 'permission_denied', message: /is a method/ })
    await assert.rejects(remote.set(place, 'add', 1), { code: 'permission_denied' })
    await assert.rejects(remote.set(place, 'count', 1), { code: 'permission_denied', message: /read-only/ })
    await assert.rejects(remote.get(place, 'constructor'), { code: 'permission_denied' })
    await assert.rejects(remote.get(place, 5), { code: 'invalid_argument' })
    ipc.release(counter)
  })

  test(`${transport}: an object that was passed is passed on, and back`, async t => {
    const { remote } = await pair(t)
    const counter = await remote.counter()
    const returned = await remote.back(counter)
    assert.equal(await returned.add(2), 2)
    assert.equal(await counter.add(2), 4)
    assert.equal(await ipc.getAttribute(returned, 'count'), 4)
    assert.equal(await ipc.getAttribute(await remote.proxied(counter), 'count'), 4)
    for (const each of [returned, counter]) ipc.release(each)
  })

  test(`${transport}: references end with their connection`, async t => {
    const { remote, child } = await serveElsewhereAndConnect(t, {
      address: freshAddress(transport),
      target: `{ kept: [], keep(on) { this.kept.push(on) }, adder: by => ipc.retain(x => x + by) }`,
    })
    for (let i = 0; i < 1000; i++) await remote.keep(ipc.retain(() => i))
    const add = await remote.adder(1)
    assert.equal(ownedCount(), 1000)
    await lose(child, remote)
    await until(() => ownedCount() === 0)
    await assert.rejects(add(1), {
      code: 'unavailable',
      message: 'callback() could not be sent: the reference is gone with the connection that it came over',
    })
  })

  test(`${transport}: a stub that nobody holds any more is given back`, async t => {
    const { remote } = await pair(t)
    await remote.keep(ipc.retain(() => 1))
    assert.equal(ownedCount(), 1)
    await remote.drop()
    await until(() => ownedCount() === 0, gc)
  })
}

test('what the handler of a cancelled call returns is not kept for its caller', async t => {
  const aborted = deferred()
  const { remote } = await serveAndConnect(t, {
    async give() {
      const cancelled = once(ipc.context().signal, 'abort')
      aborted.resolve()
      await cancelled
      return [ipc.retain(() => 1), ipc.proxy(new Counter())]
    },
    ping() {},
  })
  const held = ownedCount()
  const controller = new AbortController()
  const call = assert.rejects(ipc.withOptions(remote, { signal: controller.signal }).give(), { code: 'cancelled' })
  await aborted.promise
  controller.abort()
  await call
  while (ipc.status(remote).pendingCalls > 0) await remote.ping()
  await remote.ping()
  assert.equal(ownedCount(), held)
})

test('a method, and what withOptions returned, keep the reference that they are of', async t => {
  const { remote } = await serveAndConnect(t, keeper())
  const { add } = await remote.counter()
  const quick = ipc.withOptions(await remote.adder(1), { timeout: 5000 })
  for (let turn = 0; turn < 20; turn++) {
    gc()
    await new Promise(setImmediate)
  }
  assert.equal(await add(2), 2)
  assert.equal(await quick(2), 3)
})

test('to call or release what was not given ends that connection alone', async t => {
  const { remote, server } = await serveAndConnect(t, keeper())
  const other = await connect(t, server.address)
  await other.isSame(1, 1)
  for (const attempt of [forged => forged.call(0, [], undefined), forged => forged.release()]) {
    const forged = forge(await remote.adder(1))
    const lost = reaches(remote, 'reconnecting')
    await Promise.all([lost, Promise.resolve(attempt(forged)).catch(error => assert.equal(error.code, 'unavailable'))])
  }
  for (const each of [remote, other]) assert.equal(await each.isSame(1, 1), true)
})

test('the call of a method that is not answered in time, and of an attribute, is named by its error', async t => {
  const { remote } = await serveAndConnect(t, { slow: () => ipc.proxy({ wait: () => new Promise(() => {}) }) })
  const slow = ipc.withOptions(await remote.slow(), { timeout: 20 })
  await assert.rejects(slow.wait(), { code: 'deadline_exceeded', message: /^wait\(\) was not answered before its/ })
  const late = ipc.withOptions(slow, { timeout: 0 })
  await assert.rejects(ipc.getAttribute(late, 'x'), {
    code: 'deadline_exceeded',
    message: /^getAttribute\(\) could not/,
  })
})

test('what stands for references is sensible to look at', async t => {
  const { remote } = await serveAndConnect(t, keeper())
  const [add, counter] = [await remote.adder(1), await remote.counter()]
  assert.equal(inspect(add), '[Callback, retained]')
  assert.match(inspect(counter), /^\[Reference\] \{\s+add: \[Function: add\]/)
  assert.equal(`${counter}`, '[Reference]')
  assert.deepEqual(Object.keys(counter), ['add', 'later', 'self', 'steps'])
  assert.equal(counter.then, undefined)
  assert.equal(inspect(ipc.retain(function twice() {})), '[Retained twice]')
  assert.match(inspect(ipc.proxy(new Counter())), /^\[Proxied Counter /)
  for (const each of [add, counter]) ipc.release(each)
  assert.equal(inspect(add), '[Callback, retained (released)]')
  assert.match(inspect(counter), /^\[Reference \(released\)\]/)
})

test('withOptions, notify and call take stubs', async t => {
  const { remote } = await serveAndConnect(t, keeper())
  const counter = await remote.counter()
  assert.equal(await ipc.withOptions(counter, { timeout: 5000 }).add(), 1)
  assert.equal(ipc.notify(counter).add(), true)
  assert.equal(await counter.add(), 3)
  assert.equal(await ipc.call(counter, 'add', [2]), 5)
  assert.equal(await ipc.call(counter, 'add', [], { times: 2 }), 7)
  const nope = { code: 'unimplemented', message: /no method nope\(\); ipc\.getAttribute\(object, 'nope'\) / }
  await assert.rejects(ipc.call(counter, 'nope'), nope)
  assert.throws(() => ipc.call(ipc.notify(counter), 'nope'), nope)
  const add = await remote.adder(1)
  assert.equal(await ipc.withOptions(add, { timeout: 5000 })(1), 2)
  await assert.rejects(ipc.withOptions(add, { timeout: 0 })(1), { code: 'deadline_exceeded' })
  for (const each of [add, counter]) ipc.release(each)
})

test('using releases, where the runtime knows of it', { skip: Symbol.dispose === undefined }, async t => {
  const { remote } = await serveAndConnect(t, keeper())
  const fn = ipc.retain(() => 1)
  const object = ipc.proxy(new Counter())
  await remote.keep([fn, object])
  assert.equal(ownedCount(), 2)
  for (const each of [fn, object]) each[Symbol.dispose]()
  assert.equal(ownedCount(), 0)
  const counter = await remote.counter()
  counter[Symbol.dispose]()
  await assert.rejects(counter.add(), { code: 'failed_precondition' })
})

test('a notification passes what is retained', async t => {
  const target = keeper()
  const { remote } = await serveAndConnect(t, target)
  const fn = ipc.retain(x => -x)
  assert.equal(ipc.notify(remote).keep(fn), true)
  await until(() => target.kept.length === 1)
  assert.equal(await remote.call(0, 5), -5)
  ipc.release(fn)
})

test('what is no reference is refused', () => {
  const refused = { code: 'invalid_argument' }
  for (const wrong of [1, null, {}, class {}]) assert.throws(() => ipc.retain(wrong), refused)
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  for (const wrong of [1, null, () => 1, class {}, revoked]) assert.throws(() => ipc.proxy(wrong), refused)
  for (const wrong of [{}, () => 1]) assert.throws(() => ipc.release(wrong), refused)
  assert.throws(() => ipc.getAttribute({}, 'x'), refused)
})

test('a client that nobody holds stays while the other side has something of it', async t => {
  const target = keeper()
  const { address } = await serveAndConnect(t, target)
  const fn = ipc.retain(() => 'still here')
  await (async () => {
    await (await ipc.connect(address)).keep(fn)
  })()
  for (let turn = 0; turn < 20; turn++) {
    gc()
    await new Promise(setImmediate)
  }
  assert.equal(await target.kept[0](), 'still here')
  ipc.release(fn)
})
