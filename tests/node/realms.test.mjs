// Values, errors and signals of other realms (vm, Jest), and of other copies of this library.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import vm from 'node:vm'
import ipc from 'ipcbridge'
import { copyPackage, loadAgain, loadPackage } from './support/copies.mjs'
import { serveAndConnect } from './support/endpoints.mjs'

const quiet = { serve: { onError: () => {} } }
const foreign = code => vm.runInNewContext(code, { setTimeout, EventTarget })

describe('what a handler of another realm throws', () => {
  test('arrives with its type, message, stack and cause', async t => {
    const target = foreign(`({
      boom() { throw new RangeError('too far') },
      chain() { throw new Error('outer', { cause: new TypeError('inner') }) },
      async later() { throw new RangeError('later') },
      own() { throw new (class ParseError extends SyntaxError {})('here') },
    })`)
    const { remote } = await serveAndConnect(t, target, quiet)
    const thrown = async call => call.then(assert.fail, error => error)
    for (const [name, type, message] of [
      ['boom', 'RangeError', 'too far'],
      ['later', 'RangeError', 'later'],
      ['own', 'ParseError', 'here'],
    ]) {
      const error = await thrown(remote[name]())
      assert.deepEqual([error.type, error.message], [type, message])
      assert.match(error.remoteStack, new RegExp(`${message}\\n    \\[node\\] at `))
    }
    const { cause } = await thrown(remote.chain())
    assert.ok(cause instanceof ipc.RemoteError)
    assert.deepEqual([cause.type, cause.message], ['TypeError', 'inner'])
  })

  test('keeps the members of an AggregateError', async t => {
    const target = foreign(`({
      many() { throw new AggregateError([new TypeError('a'), new RangeError('b'), 'c'], 'all failed') },
      derived() { throw new (class AllFailed extends AggregateError {})([new TypeError('a')], 'all failed') },
    })`)
    const { remote } = await serveAndConnect(t, target, quiet)
    const members = error => error.errors.map(({ type, message }) => ({ type, message }))
    await assert.rejects(remote.many(), error => {
      assert.equal(error.type, 'AggregateError')
      assert.deepEqual(members(error), [
        { type: 'TypeError', message: 'a' },
        { type: 'RangeError', message: 'b' },
        { type: 'string', message: 'c' },
      ])
      return true
    })
    await assert.rejects(remote.derived(), error => {
      assert.equal(error.type, 'AllFailed')
      assert.deepEqual(members(error), [{ type: 'TypeError', message: 'a' }])
      return true
    })
  })

  test('is no failure where it is how the handler heeds its signal', async t => {
    const told = []
    const abort = foreign(`reason => { throw new Error('gave up', { cause: reason }) }`)
    let heeded
    const ended = new Promise(resolve => {
      heeded = resolve
    })
    const target = {
      async wait() {
        const { signal } = ipc.context()
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        setImmediate(heeded)
        abort(signal.reason)
      },
    }
    const { remote } = await serveAndConnect(t, target, { serve: { onError: error => told.push(error) } })
    await assert.rejects(ipc.withOptions(remote, { timeout: 5 }).wait(), { code: 'deadline_exceeded' })
    await ended
    assert.deepEqual(told, [])
  })
})

test('promises, Maps of functions and classes of another realm are served as this one’s', async t => {
  const target = foreign(`new Map([
    ['later', () => new Promise(resolve => setTimeout(resolve, 1, 42))],
    ['nested', new Map([['one', () => 1]])],
    ['instance', new (class Counter extends EventTarget { next() { return 2 } })()],
    ['plain', { two: () => 2, when: new Date() }],
  ])`)
  const { remote } = await serveAndConnect(t, target)
  assert.deepEqual(Object.keys(remote).sort(), ['instance', 'later', 'nested', 'plain'])
  assert.deepEqual(Object.keys(remote.instance), ['next'])
  assert.deepEqual(Object.keys(remote.plain), ['two'])
  assert.equal(await remote.later(), 42)
  assert.equal(await remote.nested.one(), 1)
})

test('an EventTarget of another realm does not offer its own methods', async t => {
  const target = vm.runInNewContext(`
    class EventTarget { dispatchEvent() {} get [Symbol.toStringTag]() { return '' } }
    Object.defineProperty(EventTarget.prototype, Symbol.toStringTag, { value: 'EventTarget' })
    new (class Service extends EventTarget { one() { return 1 } })()`)
  const { remote } = await serveAndConnect(t, target)
  assert.deepEqual(Object.keys(remote), ['one'])
})

test('options of another realm work', async t => {
  const { remote } = await serveAndConnect(t, {
    meta: () => ipc.context().metadata,
    hang: () => new Promise(() => {}),
  })
  const metadata = foreign('({ user: "alice", roles: new Set(["admin"]) })')
  assert.deepEqual(await ipc.withOptions(remote, { metadata }).meta(), { user: 'alice', roles: new Set(['admin']) })

  class Signal extends EventTarget {
    aborted = false
    abort(reason) {
      Object.assign(this, { aborted: true, reason }).dispatchEvent(new Event('abort'))
    }
  }
  const signal = new Signal()
  const call = ipc.withOptions(remote, { signal }).hang()
  signal.abort('enough')
  await assert.rejects(call, { code: 'cancelled', cause: 'enough' })
  for (const wrong of [{}, null, { aborted: false }, new EventTarget(), Proxy.revocable({}, {}).proxy]) {
    assert.throws(() => ipc.withOptions(remote, { signal: wrong }), { code: 'invalid_argument' })
  }
})

describe('another copy of the library', () => {
  for (const [name, load] of [
    ['loaded anew over the same addon', () => loadAgain()],
    ['in another directory', t => loadPackage(copyPackage(t))],
  ]) {
    test(`${name}: its errors and wrappers are known for what they are`, async t => {
      const other = load(t)
      assert.notEqual(other.IpcError, ipc.IpcError)
      const error = new other.IpcError('not_found', 'no such user', { id: 5 })
      assert.ok(error instanceof ipc.IpcError && !(error instanceof ipc.RemoteError))
      class Mine extends ipc.IpcError {}
      assert.ok(!(error instanceof Mine) && new Mine('aborted', 'x') instanceof Mine)

      const told = []
      const { remote } = await serveAndConnect(
        t,
        {
          find: () => {
            throw error
          },
          pass: () => {
            throw new other.RemoteError('aborted', 'from afar', { type: 'ValueError' })
          },
          fail: () => {
            throw new Error('its own')
          },
          echo: (a, b) => [a, b],
        },
        { serve: { onError: failure => told.push(failure.message) } },
      )
      await assert.rejects(remote.find(), { code: 'not_found', message: 'no such user', details: { id: 5 } })
      await assert.rejects(remote.pass(), { code: 'aborted', type: 'ValueError' })
      await assert.rejects(remote.fail(), { code: 'unknown', message: 'its own' })
      assert.deepEqual(told, ['its own'], 'what a handler means to throw is not logged')
      const date = new Date(2020, 1, 2)
      assert.deepEqual(await remote.echo(other.kwargs({ a: other.float(2), b: other.localDateTime(date) })), [2, date])
    })
  }
})

test('a service of another copy is refused with the reason', async t => {
  const { remote, server } = await serveAndConnect(t, { one: () => 1 })
  const other = loadAgain()
  assert.throws(() => other.status(server), { message: /another copy of ipcbridge/ })
  assert.throws(() => other.withOptions(remote, { timeout: 5 }), {
    code: 'invalid_argument',
    message: /another copy of ipcbridge/,
  })
  for (const endpoint of [remote, server]) {
    await assert.rejects(remote.one(endpoint), { code: 'unimplemented', message: /a service: .* send its address/ })
  }
  assert.equal(await remote.one(), 1)
})
