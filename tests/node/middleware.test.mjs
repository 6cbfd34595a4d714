// Functions around calls, on either side.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { connect, deferred, serveAndConnect } from './support/endpoints.mjs'
import { both, target } from './support/middleware.mjs'
import { freshName } from './support/names.mjs'

test('the first of a list is the outermost', async t => {
  const order = []
  const named = name => (call, next) => {
    order.push(name)
    const result = next(call)
    order.push(`/${name}`)
    return result
  }
  const { remote } = await serveAndConnect(t, target, {
    serve: { middleware: [named('c'), named('d')] },
    connect: { middleware: [named('a'), named('b')] },
  })
  assert.equal(await remote.add(1, 2), 3)
  assert.equal(order.join(' '), 'a b /b /a c d /d /c')
})

test('it sees the call', async t => {
  const seen = []
  const look = (call, next) => {
    const { side, service, method, args, kwargs, kind, metadata, context } = call
    seen.push({ side, service, method, args, kwargs, kind, metadata, context: context?.method })
    return next(call)
  }
  const { remote, address } = await serveAndConnect(t, { math: { add: target.add } }, both(look))
  assert.equal(await ipc.withOptions(remote, { metadata: { a: 1 } }).math.add(1, ipc.kwargs({ b: 2 })), 3)
  const common = { service: address, method: 'math.add', args: [1], kwargs: { b: 2 }, kind: 'call', metadata: { a: 1 } }
  assert.deepEqual(seen, [
    { side: 'client', ...common, context: undefined },
    { side: 'server', ...common, context: 'math.add' },
  ])
})

test('it may change arguments and metadata, in place and by assignment', async t => {
  const change = (call, next) => {
    call.args = call.args.map(each => 10 * each)
    call.kwargs.b = 5
    call.metadata.user = 'ada'
    return next(call)
  }
  const replace = (call, next) => {
    call.kwargs = {}
    call.args.push(7)
    call.metadata = { user: 'bob' }
    return next(call)
  }
  const look = async (call, next) => [call.metadata, await next(call)]
  const { address, remote } = await serveAndConnect(t, target, {
    serve: { middleware: look },
    connect: { middleware: change },
  })
  assert.deepEqual(await remote.add(1), [{ user: 'ada' }, 15])
  assert.deepEqual(await (await connect(t, address, { middleware: replace })).add(1), [{ user: 'bob' }, 8])
})

test('what cannot be sent is refused where a middleware has put it', async t => {
  const wrong = {
    metadata: call => {
      call.metadata[':pass_on'] = ['a']
    },
    args: call => {
      call.args = 5
    },
    kwargs: call => {
      call.kwargs = null
    },
  }
  for (const [what, change] of Object.entries(wrong)) {
    const middleware = (call, next) => {
      change(call)
      return next(call)
    }
    const { remote } = await serveAndConnect(t, target, { connect: { middleware } })
    await assert.rejects(remote.add(1), { code: 'invalid_argument', message: new RegExp(what) })
  }
  const { remote } = await serveAndConnect(t, target, { connect: { middleware: (_call, next) => next({ args: [] }) } })
  await assert.rejects(remote.add(1), { code: 'invalid_argument', message: /next\(\) takes the call/ })
})

test('it may answer by itself, and refuse', async t => {
  const guard = (call, next) => {
    if (call.method === 'rows') throw new ipc.IpcError('permission_denied', 'not for you', { method: 'rows' })
    return call.method === 'see' ? 'cached' : next(call)
  }
  const { remote, address } = await serveAndConnect(t, target, { serve: { middleware: guard, onError: assert.fail } })
  assert.equal(await remote.see(), 'cached')
  assert.equal(await remote.add(1), 1)
  const refusal = { code: 'permission_denied', message: 'not for you', details: { method: 'rows' } }
  await assert.rejects(remote.rows(3), { name: 'RemoteError', ...refusal })
  const guarded = await connect(t, address, { middleware: guard })
  await assert.rejects(guarded.rows(3), { name: 'IpcError', ...refusal })
  assert.equal(await guarded.see(), 'cached')
  assert(guarded.see() instanceof ipc.Call)
})

test('it sees results and errors', async t => {
  const seen = []
  const look = async (call, next) => {
    try {
      const result = await next(call)
      seen.push([call.side, result])
      return result
    } catch (error) {
      seen.push([call.side, error.name])
      throw error
    }
  }
  const fail = () => {
    throw new TypeError('x')
  }
  const options = { serve: { middleware: look, onError() {} }, connect: { middleware: look } }
  const { remote } = await serveAndConnect(t, { ...target, fail }, options)
  await remote.add(1)
  await assert.rejects(remote.fail(), { type: 'TypeError' })
  assert.deepEqual(seen, [
    ['server', 1],
    ['client', 1],
    ['server', 'TypeError'],
    ['client', 'RemoteError'],
  ])
})

test('notifications pass too', async t => {
  const seen = []
  const { promise, resolve } = deferred()
  const look = (call, next) => {
    seen.push(`${call.side} ${call.kind}`)
    return next(call)
  }
  const { remote } = await serveAndConnect(t, { tell: resolve }, both(look))
  assert.equal(ipc.notify(remote).tell(5), true)
  assert.equal(await promise, 5)
  assert.deepEqual(seen, ['client notification', 'server notification'])
})

test('descriptions, callbacks and calls by name', async t => {
  const methods = []
  const look = (call, next) => {
    methods.push(`${call.side} ${call.method}`)
    return next(call)
  }
  const { remote } = await serveAndConnect(t, { ...target, run: fn => fn(3) }, both(look))
  const described = (await ipc.describe(remote)).methods
  assert.deepEqual(Object.keys(described), [...Object.keys(target), 'run'])
  assert.deepEqual([described.add.async, described.addLater.async], [false, true])
  assert.equal(await remote.run(a => a + 1), 4)
  assert.equal(await ipc.call(remote, 'add', [1], { b: 2 }), 3)
  assert.equal((await ipc.fanOut([remote]).add(1))[0].value, 1)
  const passed = ['run', 'add', 'add'].flatMap(name => [`client ${name}`, `server ${name}`])
  assert.deepEqual(methods, passed)
})

test('middleware that wants more than the call and what comes next is refused at once', async t => {
  const { address } = await serveAndConnect(t, target)
  const middleware = [
    (_call, next) => next(_call),
    function express(_request, _response, next) {
      next()
    },
  ]
  const refused = { code: 'invalid_argument', message: /\(call, next\), and express takes 3 arguments/ }
  await assert.rejects(ipc.connect(address, { middleware }), refused)
  await assert.rejects(ipc.serve(freshName(), target, { middleware }), refused)
})

for (const given of [5, 'name', [() => {}, null]]) {
  test(`${JSON.stringify(given)} is no middleware`, async t => {
    const { address } = await serveAndConnect(t, target)
    const refused = { code: 'invalid_argument', message: /middleware is a function/ }
    await assert.rejects(ipc.connect(address, { middleware: given }), refused)
    await assert.rejects(ipc.serve(freshName(), target, { middleware: given }), refused)
  })
}
