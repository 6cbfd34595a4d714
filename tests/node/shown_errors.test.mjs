// What people look at when something fails: String(error), JSON.stringify(error), console.log(error), error.stack.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import ipc from 'ipcbridge'
import { connect, serve, serveAndConnect, serveElsewhereAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

const quiet = { serve: { onError() {} } }

async function failureOf(act) {
  try {
    await act()
  } catch (error) {
    return error
  }
  return assert.fail('it did not fail')
}

describe('a remote error', () => {
  const target = {
    fail() {
      throw new RangeError('too far', { cause: new TypeError('inner') })
    },
    find() {
      throw new ipc.IpcError('not_found', 'no such user', { id: 5 })
    },
  }

  test('names its type as text, and above its stack', async t => {
    const { remote } = await serveAndConnect(t, target, quiet)
    const error = await failureOf(() => remote.fail())
    assert.equal(String(error), 'RemoteError: RangeError: too far')
    assert.equal(error.stack.split('\n')[0], 'RemoteError: RangeError: too far')
    const printed = inspect(error)
    assert.match(
      printed,
      /^RemoteError: RangeError: too far\n {4}at .*\nRemote stack:\nRangeError: too far\n {4}\[node\] at /s,
    )
    assert.match(printed, /code: 'unknown'/)
    assert.match(printed, /\[cause\]: RemoteError: TypeError: inner/)
    assert.equal(printed.split('Remote stack:').length, 3, 'its own and that of its cause')
  })

  test('has its message in JSON, and no stack', async t => {
    const { remote } = await serveAndConnect(t, target, quiet)
    assert.deepEqual(JSON.parse(JSON.stringify(await failureOf(() => remote.fail()))), {
      name: 'RemoteError',
      type: 'RangeError',
      code: 'unknown',
      message: 'too far',
      cause: { name: 'RemoteError', type: 'TypeError', code: 'unknown', message: 'inner' },
    })
    const { details } = JSON.parse(JSON.stringify(await failureOf(() => remote.find())))
    assert.deepEqual(details, { id: 5 })
  })
})

test('an error of this side has its message in JSON', async () => {
  const error = await failureOf(() => ipc.connect(freshName(), { connectTimeout: 0 }))
  const { name, code, message, sent } = JSON.parse(JSON.stringify(error))
  assert.deepEqual(
    { name, code, message, sent },
    { name: 'IpcError', code: 'unavailable', message: error.message, sent: 'no' },
  )
  const caused = new ipc.IpcError('aborted', 'x', undefined, { cause: new TypeError('why') })
  assert.equal(JSON.parse(JSON.stringify(caused)).cause, 'TypeError: why')
})

test('an error of this side begins where its user called', async t => {
  const { remote } = await serveAndConnect(t, { add: (a, b) => a + b, hang: () => new Promise(() => {}) })
  const { remote: nobody } = await serveElsewhereAndConnect(t)
  await ipc.close(nobody)
  const failures = {
    'arguments that cannot be sent': () => remote.add({ deep: [{ er: Symbol('x') }] }),
    'a notification that cannot be sent': () => ipc.notify(remote).add(Symbol('x')),
    'a closed client': () => nobody.echo(1),
    'an aborted signal': () => ipc.withOptions(remote, { signal: AbortSignal.abort() }).hang(),
    'a wrong option': () => ipc.withOptions(remote, { timeout: 'soon' }),
    'metadata that cannot be sent': () => ipc.withOptions(remote, { metadata: { a: Symbol('x') } }),
    'an option that serve does not know': () => ipc.serve(freshName(), { f: () => 1 }, { treads: 8 }),
    'nothing to serve': () => ipc.serve(freshName(), {}),
    'an option that connect does not know': () => ipc.connect(freshName(), { timeout: 8 }),
    'nobody there': () => ipc.connect(freshName(), { connectTimeout: 0 }),
  }
  for (const [what, fail] of Object.entries(failures)) {
    const error = await failureOf(() => fail())
    assert.ok(error instanceof ipc.IpcError, what)
    assert.doesNotMatch(error.stack, /js\/dist/, what)
    assert.match(error.stack.split('\n')[1], /shown_errors\.test\.mjs/, what)
  }
})

test('a remote stack shows the handler and not what called it', async t => {
  const { remote } = await serveAndConnect(t, { fail: () => JSON.parse('{') }, quiet)
  const error = await failureOf(() => remote.fail())
  assert.match(error.remoteStack, /^SyntaxError: .*shown_errors\.test\.mjs/s)
  assert.doesNotMatch(error.remoteStack, /js\/dist/)
})

test('a Proxy as a result that cannot be read is the service’s fault', async t => {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const told = []
  const fail = () => {
    throw new Error('no')
  }
  const target = { revoked: () => revoked.proxy, throws: () => ({ a: 1, b: new Proxy({}, { ownKeys: fail }) }) }
  const { remote } = await serveAndConnect(t, target, { serve: { onError: error => told.push(error.code) } })
  await assert.rejects(remote.revoked(), { code: 'internal', message: /: result cannot be sent: .*revoked/ })
  await assert.rejects(remote.throws(), { code: 'internal', message: /: result\.b cannot be sent: reading it threw/ })
  assert.deepEqual(told, ['internal', 'internal'])
})

test('a revoked Proxy is refused wherever a user can give one', async t => {
  const { remote } = await serveAndConnect(t, { echo: x => x })
  const { proxy, revoke } = Proxy.revocable({}, {})
  const list = Proxy.revocable([], {})
  revoke()
  list.revoke()
  for (const act of [
    () => remote.echo(proxy),
    () => ipc.notify(remote).echo(proxy),
    () => ipc.call(remote, 'echo', list.proxy),
    () => ipc.call(remote, 'echo', [], proxy),
    () => ipc.kwargs(proxy),
    () => ipc.withOptions(remote, proxy),
    () => ipc.withOptions(remote, { metadata: proxy }),
    () => ipc.withOptions(remote, { signal: proxy }),
    () => ipc.withOptions(proxy, {}),
    () => ipc.describe(proxy),
    () => ipc.status(proxy),
    () => ipc.close(proxy),
    () => ipc.onState(proxy, () => {}),
    () => serve(t, freshName(), proxy),
    () => serve(t, freshName(), { inner: proxy }),
    () => serve(t, freshName(), { f: () => 1 }, proxy),
    () => serve(t, freshName(), { f: () => 1 }, { allow: list.proxy }),
    () => serve(t, freshName(), { f: () => 1 }, { limits: proxy }),
    () => connect(t, list.proxy),
    () => connect(t, [proxy]),
    () => connect(t, freshName(), proxy),
  ]) {
    const error = await failureOf(async () => act())
    assert.ok(error instanceof ipc.IpcError, `${act}: ${error}`)
    assert.equal(error.code, 'invalid_argument', `${act}`)
  }
  assert.equal(await remote.echo(1), 1)
})

test('a signal whose getter makes calls, or that an argument aborts, sends no other bytes', async t => {
  const { remote } = await serveAndConnect(t, { echo: x => x, hang: () => new Promise(() => {}) })
  const inner = []
  class Signal extends EventTarget {
    get aborted() {
      inner.push(remote.echo('inner'))
      return false
    }
  }
  const viewed = ipc.withOptions(remote, { signal: new Signal() })
  assert.equal(await viewed.echo('outer'), 'outer')
  assert.ok((await Promise.all(inner)).every(text => text === 'inner'))

  const controller = new AbortController()
  const aborting = {
    get x() {
      controller.abort()
      return 1
    },
  }
  await assert.rejects(ipc.withOptions(remote, { signal: controller.signal }).hang(aborting), {
    code: /cancelled|invalid/,
  })
})
