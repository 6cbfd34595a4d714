import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { run, start } from './support/children.mjs'
import { connect, deferred, serveAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

class CustomError extends Error {
  name = 'CustomError'
}

function target() {
  return {
    fail: () => {
      throw new CustomError('it broke', { cause: new TypeError('because') })
    },
    async failLater() {
      await null
      throw new CustomError('later')
    },
    notFound() {
      throw new ipc.IpcError('not_found', 'no such user', { id: 5 })
    },
    odd(what) {
      throw {
        string: 'a string',
        null: null,
        undefined: undefined,
        number: 5,
        object: { code: 'E1', message: 'of its own' },
      }[what]
    },
    hostile() {
      throw Object.defineProperty(new Error('x'), 'message', {
        get() {
          throw new Error('even this')
        },
      })
    },
    symbol: () => ({ ok: 1, items: [1, Symbol('no')] }),
    echo: x => x,
  }
}

async function withErrors(t) {
  const errors = []
  const onError = (error, info) => errors.push([error, info])
  return { errors, ...(await serveAndConnect(t, target(), { serve: { onError } })) }
}

test('an exception arrives with its type, message, stack and cause', async t => {
  const { remote } = await withErrors(t)
  for (const [method, message] of [
    ['fail', 'it broke'],
    ['failLater', 'later'],
  ]) {
    await assert.rejects(remote[method](), error => {
      assert.ok(error instanceof ipc.RemoteError)
      assert.ok(error instanceof ipc.IpcError)
      assert.equal(error.code, 'unknown')
      assert.equal(error.type, 'CustomError')
      assert.equal(error.message, message)
      assert.match(error.remoteStack, /errors\.test\.mjs/)
      return true
    })
  }
  await assert.rejects(remote.fail(), error => error.cause.type === 'TypeError' && error.cause.message === 'because')
})

test('an IpcError thrown by a handler sets code and details', async t => {
  const { remote, errors } = await withErrors(t)
  await assert.rejects(remote.notFound(), { code: 'not_found', message: 'no such user', details: { id: 5 } })
  assert.deepEqual(errors, [], 'it was meant, and is not logged')
})

test('anything can be thrown', async t => {
  const { remote } = await withErrors(t)
  await assert.rejects(remote.odd('string'), { code: 'unknown', message: 'a string' })
  await assert.rejects(remote.odd('null'), { code: 'unknown' })
  await assert.rejects(remote.odd('undefined'), { code: 'unknown' })
  await assert.rejects(remote.odd('number'), { code: 'unknown', message: '5' })
  await assert.rejects(remote.odd('object'), { code: 'unknown', message: 'of its own' })
  await assert.rejects(remote.hostile(), { code: 'unknown' })
  assert.equal(await remote.echo(1), 1)
})

test('unexpected exceptions are told to onError', async t => {
  const { remote, errors, address } = await withErrors(t)
  await remote.fail().catch(() => {})
  assert.equal(errors.length, 1)
  assert.equal(errors[0][0].message, 'it broke')
  assert.deepEqual(errors[0][1], { service: address, method: 'fail' })
})

// A caller who gives up ends the handler; whether that is worth telling shows in how it ends.
const endings = {
  'the reason of its signal': [
    signal => new Promise((_, reject) => onAbort(signal, () => reject(signal.reason))),
    false,
  ],
  'the AbortError of what it waited for': [signal => once(new EventEmitter(), 'never', { signal }), false],
  'an error caused by its abortion': [
    signal => onceAborted(signal).then(() => Promise.reject(new Error('stopped', { cause: signal.reason }))),
    false,
  ],
  'an error of its own': [signal => onceAborted(signal).then(() => Promise.reject(new TypeError('a slip'))), true],
}

const onAbort = (signal, listener) => signal.addEventListener('abort', listener)
const onceAborted = signal => new Promise(resolve => onAbort(signal, resolve))

for (const [ending, [wait, isTold]] of Object.entries(endings)) {
  for (const [how, options] of Object.entries({
    aborts: () => ({ signal: AbortSignal.timeout(20) }),
    'times out': () => ({ timeout: 20 }),
  })) {
    test(`a handler whose caller ${how}, and which ends with ${ending}, is ${isTold ? '' : 'not '}told to onError`, async t => {
      const told = []
      const ended = deferred()
      const target = {
        wait() {
          const waiting = wait(ipc.context().signal)
          ended.resolve(Promise.allSettled([waiting]))
          return waiting
        },
        echo: x => x,
      }
      const { remote } = await serveAndConnect(t, target, { serve: { onError: error => told.push(error.message) } })
      await assert.rejects(ipc.withOptions(remote, options()).wait())
      await ended.promise
      await remote.echo(1)
      assert.deepEqual(told, isTold ? ['a slip'] : [])
    })
  }
}

const failingListeners = {
  throws() {
    throw new Error('onError itself')
  },
  async rejects() {
    throw new Error('onError itself')
  },
}

for (const [how, onError] of Object.entries(failingListeners)) {
  test(`an onError that ${how} is logged and harms nobody`, async t => {
    const said = []
    t.mock.method(console, 'error', (...args) => said.push(args))
    const { remote, address } = await serveAndConnect(t, target(), { serve: { onError } })
    await assert.rejects(remote.fail(), { message: 'it broke' })
    assert.equal(said.length, 1)
    assert.equal(said[0][0], `ipcbridge: ${address}: fail (in onError) failed:`)
    assert.match(said[0][1], /^Error: onError itself\n/)
  })
}

test('an argument that cannot be encoded is refused with its path', async t => {
  const { remote } = await withErrors(t)
  await assert.rejects(remote.echo({ items: [1, Symbol('x')] }), {
    code: 'invalid_argument',
    message: /args\[0\]\.items\[1\]/,
  })
  assert.throws(() => ipc.notify(remote).echo(Symbol('x')), { code: 'invalid_argument', message: /args\[0\]/ })
})

test('a result that cannot be encoded is the fault of the service, which is told where in the result', async t => {
  const { remote, errors, address } = await withErrors(t)
  await assert.rejects(remote.symbol(), { code: 'internal', message: /result\.items\[1\]/ })
  assert.equal(errors.length, 1)
  assert.match(errors[0][0].message, /result\.items\[1\]/)
  assert.deepEqual(errors[0][1], { service: address, method: 'symbol' })
})

test('what cannot be sent has one code as a result and as an item', async t => {
  const { buffer } = new Float64Array(100_000)
  const transferred = new Float64Array(buffer)
  structuredClone(buffer, { transfer: [buffer] })
  for (const [value, code] of [
    [transferred, 'internal'],
    [new Array(2 ** 23).fill(0), 'resource_exhausted'],
  ]) {
    const own = {
      fail: () => value,
      *items() {
        yield value
      },
      async *later() {
        yield value
      },
    }
    const { remote } = await serveAndConnect(t, own, { serve: { onError() {} } })
    await assert.rejects(remote.fail(), { code, message: /^fail\(\) returned what cannot be sent: result/ })
    for (const method of ['items', 'later']) {
      const message = new RegExp(`^${method}\\(\\) yielded what cannot be sent: item`)
      const stream = await remote[method]()
      await assert.rejects(stream.toArray(), { code, message })
    }
  }
})

test('why a result cannot be read is its cause', async t => {
  const own = {
    fail: () => ({
      get price() {
        throw new RangeError('not yet')
      },
    }),
  }
  const { remote } = await serveAndConnect(t, own, { serve: { onError() {} } })
  await assert.rejects(remote.fail(), error => {
    assert.deepEqual([error.code, error.cause.type, error.cause.message], ['internal', 'RangeError', 'not yet'])
    return true
  })
})

test('what a notification does wrong is told to onError, since nobody else hears of it', async t => {
  const { remote, errors } = await withErrors(t)
  const quiet = ipc.notify(remote)
  quiet.echo(1, 2)
  quiet.echo(ipc.kwargs({ y: 1 }))
  quiet.notFound()
  quiet.symbol()
  await remote.echo(1)
  assert.deepEqual(
    errors.map(([error]) => error.code),
    ['invalid_argument', 'invalid_argument', 'not_found'],
  )
})

test('the answer leaves before the error is told of', async t => {
  const address = freshName()
  const block = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)' // for ever
  const service = start(
    t,
    `await ipc.serve(argv.address, { fail() { throw new Error('it broke') } }, { onError() { ${block} } }); say('up')`,
    { argv: { address } },
  )
  await service.heard()
  const remote = await connect(t, address)
  await assert.rejects(remote.fail(), { message: 'it broke' })
})

test('nesting over the limit is refused', async t => {
  const { remote } = await withErrors(t)
  let deep = []
  for (let i = 0; i < 200; i++) deep = [deep]
  await assert.rejects(remote.echo(deep), { code: 'invalid_argument', message: /deep/ })
})

test('a remote error that a handler lets through keeps its code, and is logged only where it was thrown', async t => {
  const { remote: inner, errors } = await withErrors(t)
  const reported = []
  const target = {
    relay: method => inner[method](),
    async *relayed() {
      yield 1
      await inner.fail()
    },
    own() {
      throw new Error('of its own')
    },
  }
  const onError = error => reported.push(error.message)
  const { remote: outer } = await serveAndConnect(t, target, { serve: { onError } })
  await assert.rejects(outer.relay('notFound'), { code: 'not_found', message: 'no such user' })
  await assert.rejects(outer.relay('fail'), { code: 'unknown', message: 'it broke' })
  await assert.rejects(
    outer.relayed().then(rows => rows.toArray()),
    { code: 'unknown', message: 'it broke' },
  )
  await assert.rejects(outer.own())
  assert.deepEqual(reported, ['of its own'])
  assert.deepEqual(
    errors.map(([error]) => error.message),
    ['it broke', 'it broke'],
  )
})

test('a rejection that nobody handles ends the process as any other does', async t => {
  const { code, stderr } = await run(
    t,
    `const server = await ipc.serve('x', { fail() { throw new Error('unseen') } }, { onError() {} })
     const x = await ipc.connect('x')
     x.fail()`,
  )
  assert.equal(code, 1)
  assert.match(stderr, /unseen/)
})

test('nothing that a handler returns or throws ends the server', async t => {
  const refuse = () => {
    throw new Error('refused')
  }
  const proxyOf = traps => new Proxy(new Error('hidden'), traps)
  const thrown = {
    noPrototype: proxyOf({ getPrototypeOf: refuse }),
    noProperty: proxyOf({ get: refuse }),
    revoked: (() => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    })(),
    noDetails: Object.defineProperty(new ipc.IpcError('not_found', 'x'), 'details', { get: refuse }),
  }
  const noThen = Object.defineProperty({}, 'then', { get: refuse })
  const noConstructor = Object.defineProperty(Promise.resolve(1), 'constructor', { get: refuse })
  const odd = {
    throw(name) {
      throw thrown[name]
    },
    throwLater: async name => {
      throw thrown[name]
    },
    throwAborted(name) {
      ipc.context().signal.aborted
      throw thrown[name]
    },
    noThen: () => noThen,
    noThenLater: async () => noThen,
    noConstructor: () => noConstructor,
    echo: x => x,
  }
  const { remote } = await serveAndConnect(t, odd, { serve: { onError() {} } })
  for (const name of Object.keys(thrown)) {
    await assert.rejects(remote.throw(name), ipc.RemoteError, name)
    await assert.rejects(remote.throwLater(name), ipc.RemoteError, name)
    await assert.rejects(remote.throwAborted(name), ipc.RemoteError, name)
  }
  for (const name of ['noThen', 'noThenLater', 'noConstructor']) {
    await assert.rejects(remote[name](), { code: 'unknown', message: 'refused' }, name)
  }
  assert.equal(await remote.echo(1), 1)
})

test('what cannot be printed is answered and logged all the same', async t => {
  const { code, stderr } = await run(
    t,
    `
    import { inspect } from 'node:util'
    const server = await ipc.serve(argv.name, {
      fail() { throw { [inspect.custom]() { throw new Error('not even printed') } } },
    })
    const remote = await ipc.connect(argv.name)
    await remote.fail().catch(() => {})
    await server.close()
    `,
    { argv: { name: freshName() } },
  )
  assert.equal(code, 0, stderr)
  assert.match(stderr, /fail failed: \(what was thrown cannot be printed\)/)
})
