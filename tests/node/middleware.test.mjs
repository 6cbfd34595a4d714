// Functions around calls, on either side.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { connect, deferred, gate, serve, serveAndConnect, serveElsewhere } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

const target = {
  add: (a, b = 0) => a + b,
  async addLater(a, b = 0) {
    await turn()
    return a + b
  },
  *rows(n) {
    for (let i = 0; i < n; i++) yield i
  },
  see: () => ipc.context().metadata,
  async total(numbers) {
    let sum = 0
    for await (const each of numbers) sum += each
    return sum
  },
}

const both = middleware => ({ serve: { middleware }, connect: { middleware } })

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

test('on the serving side next() gives what the handler returns, as it is', async t => {
  const given = []
  const look = (call, next) => {
    const result = next(call)
    given.push(result)
    return result
  }
  const { remote } = await serveAndConnect(t, target, { serve: { middleware: look } })
  assert.equal(await remote.add(1, 2), 3)
  assert.equal(await remote.addLater(1, 2), 3)
  assert.equal(given[0], 3)
  assert(given[1] instanceof Promise)
})

test('on the calling side next() gives a Call, whatever comes next', async t => {
  const isCall = []
  const look = (call, next) => {
    const result = next(call)
    isCall.push(result instanceof ipc.Call)
    return result
  }
  const answers = [async (call, next) => next(call), () => 3, async () => 3]
  for (const inner of answers) {
    const { remote } = await serveAndConnect(t, target, { connect: { middleware: [look, inner, look] } })
    const call = remote.add(1, 2)
    assert(call instanceof ipc.Call)
    assert.equal(await call, 3)
  }
  const refuse = () => {
    throw new ipc.IpcError('aborted', 'no')
  }
  const { remote } = await serveAndConnect(t, target, { connect: { middleware: [look, refuse] } })
  await assert.rejects(remote.add(1), { code: 'aborted' })
  assert(isCall.every(Boolean))
})

const doubled = {
  'a plain generator': async (call, next) => {
    const items = await next(call)
    return (async function* () {
      for await (const each of items) yield 2 * each
    })()
  },
  'a generator around the call': (call, next) =>
    (async function* () {
      for await (const each of next(call)) yield 2 * each
    })(),
  'ipc.stream': async (call, next) => {
    const items = await (await next(call)).toArray()
    return ipc.stream(items.map(each => 2 * each))
  },
}

for (const [what, middleware] of Object.entries(doubled)) {
  test(`a stream that is wrapped in ${what} is a stream still`, async t => {
    const { remote } = await serveAndConnect(t, { rows: target.rows }, { connect: { middleware } })
    assert.deepEqual(await (await remote.rows(4)).toArray(), [0, 2, 4, 6])
    const read = []
    for await (const each of remote.rows(3)) read.push(each)
    assert.deepEqual(read, [0, 2, 4])
    const stream = await remote.rows(3)
    assert(stream instanceof ipc.Stream)
    const first = stream[Symbol.asyncIterator]()
    assert.throws(() => stream[Symbol.asyncIterator](), { code: 'failed_precondition' })
    assert.equal((await first.next()).value, 0)
  })
}

test('a server wraps the streams of results, and passes those of arguments', async t => {
  const double = (call, next) => {
    const items = next(call)
    if (call.method !== 'rows') return items
    return (function* () {
      for (const each of items) yield 2 * each
    })()
  }
  const { remote } = await serveAndConnect(t, target, { serve: { middleware: double } })
  assert.deepEqual(await (await remote.rows(4)).toArray(), [0, 2, 4, 6])
  assert.equal(await remote.total(target.rows(5)), 10)
})

for (const [moment, read] of Object.entries({
  'before its first item': async () => {},
  'between items': async iterator => void (await iterator.next()),
  'while an item is awaited': async iterator => {
    await iterator.next()
    return { waiting: iterator.next() }
  },
})) {
  test(`closing a wrapped stream ${moment} ends the one inside`, { timeout: 60_000 }, async t => {
    const ended = deferred()
    const began = deferred()
    async function* rows() {
      try {
        began.resolve()
        yield 1
        await new Promise(resolve => ipc.context().signal.addEventListener('abort', resolve))
      } finally {
        ended.resolve()
      }
    }
    const middleware = async (call, next) => {
      const items = await next(call)
      return (async function* () {
        yield* items
      })()
    }
    const { remote } = await serveAndConnect(t, { rows }, { connect: { middleware } })
    const stream = await remote.rows()
    const { waiting } = (await read(stream[Symbol.asyncIterator]())) ?? {}
    await began.promise
    await stream.close()
    await ended.promise
    if (waiting !== undefined) assert.deepEqual(await waiting, { done: true, value: undefined })
  })
}

test('next may be called again, for plain values only', async t => {
  let failures = 2
  const flaky = a => {
    if (failures-- > 0) throw new ipc.IpcError('aborted', 'again')
    return a
  }
  const retry = async (call, next) => {
    for (;;) {
      try {
        return await next(call)
      } catch (error) {
        if (error.code !== 'aborted') throw error
      }
    }
  }
  const service = { flaky, total: async numbers => flaky(await target.total(numbers)) }
  for (const side of ['connect', 'serve']) {
    const { remote } = await serveAndConnect(t, service, { [side]: { middleware: retry } })
    failures = 2
    assert.equal(await remote.flaky([{ a: 1 }]).then(([{ a }]) => a), 1)
    failures = 1
    const cycle = { numbers: target.rows(3) }
    await assert.rejects(remote.total(cycle.numbers), { code: 'failed_precondition', message: /read once/ })
  }
})

test('what is inherited is seen, and may be taken away, also after an await in a plain handler', async t => {
  const seen = []
  const look = async (call, next) => {
    await turn()
    seen.push({ ...call.metadata })
    delete call.metadata.b
    return next(call)
  }
  const { remote: inner } = await serveAndConnect(t, target, { connect: { middleware: look } })
  const { remote: outer } = await serveAndConnect(t, { ask: () => inner.see() })
  const marked = ipc.withOptions(outer, { metadata: { a: 1, b: 2, c: 3 }, passOn: ['a', 'b'] })
  assert.deepEqual(await marked.ask(), { a: 1 })
  assert.deepEqual(seen, [{ a: 1, b: 2 }])
})

test('what a middleware adds is not passed on, what was marked still is', async t => {
  const add = (call, next) => {
    call.metadata.mine = true
    return next(call)
  }
  const { remote: inner } = await serveAndConnect(t, target)
  const service = { ask: async () => [ipc.context().metadata, await inner.see()] }
  const { remote } = await serveAndConnect(t, service, { connect: { middleware: add } })
  const marked = ipc.withOptions(remote, { metadata: { a: 1 }, passOn: ['a'] })
  assert.deepEqual(await marked.ask(), [{ a: 1, mine: true }, { a: 1 }])
})

test('the deadline of the call that is served bounds those that an async middleware makes later', async t => {
  const { remote: inner } = await serveAndConnect(
    t,
    { left: () => ipc.context().deadline },
    { connect: { middleware: async (call, next) => turn().then(() => next(call)) } },
  )
  const { remote } = await serveAndConnect(t, { ask: () => inner.left() })
  const left = await ipc.withOptions(remote, { timeout: 50_000 }).ask()
  assert(left > 0 && left <= 50_000)
})

test('it has the context of the call, also after an await', async t => {
  const seen = []
  const look = async (call, next) => {
    await turn()
    seen.push(ipc.context() === call.context, call.context.metadata)
    call.metadata.a = 2
    return next(call)
  }
  const { remote } = await serveAndConnect(t, target, { serve: { middleware: look } })
  assert.deepEqual(await ipc.withOptions(remote, { metadata: { a: 1 } }).see(), { a: 1 })
  assert.deepEqual(seen, [true, { a: 1 }])
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

test('an async middleware sends a notification later, and what fails then is logged', async t => {
  const lines = []
  const logged = deferred()
  t.mock.method(console, 'error', (...parts) => {
    lines.push(parts.join(' '))
    logged.resolve()
  })
  const { promise, resolve } = deferred()
  const later = async (call, next) => {
    await turn()
    if (call.args.length === 0) throw new ipc.IpcError('permission_denied', 'not for you')
    return next(call)
  }
  const { remote } = await serveAndConnect(t, { tell: resolve }, { connect: { middleware: later } })
  assert.equal(ipc.notify(remote).tell(5), true)
  assert.equal(await promise, 5)
  assert.equal(ipc.notify(remote).tell(), true)
  await logged.promise
  assert.match(lines.join('\n'), /the notification tell was not sent: .*not for you/)
  const { remote: refused } = await serveAndConnect(t, target, {
    connect: {
      middleware: () => {
        throw new ipc.IpcError('permission_denied', 'not for you')
      },
    },
  })
  assert.throws(() => ipc.notify(refused).add(1), { code: 'permission_denied' })
})

test('arguments that do not fit are refused as without', async t => {
  const told = []
  const options = { middleware: async (call, next) => next(call), mapError: error => void told.push(error) }
  const { remote } = await serveAndConnect(t, target, { serve: { ...options, onError: assert.fail } })
  await assert.rejects(remote.add(1, 2, 3), { code: 'invalid_argument', message: /takes at most 2 arguments/ })
  await assert.rejects(remote.add(1, ipc.kwargs({ c: 3 })), { code: 'invalid_argument', message: /no parameter 'c'/ })
  assert.deepEqual(told, [])
})

test('what a middleware throws is mapped and reported as what a handler throws', async t => {
  const told = []
  const { remote } = await serveAndConnect(t, target, {
    serve: {
      middleware: () => {
        throw new RangeError('broken')
      },
      mapError: error => new TypeError(`mapped: ${error.message}`),
      onError: (error, { method }) => told.push([method, error.message]),
    },
  })
  await assert.rejects(remote.add(1), { type: 'TypeError', message: 'mapped: broken' })
  assert.deepEqual(told, [['add', 'mapped: broken']])
})

test('frames of the library are left out of stacks', async t => {
  async function around(call, next) {
    return await next(call)
  }
  function fail() {
    throw new Error('x')
  }
  const options = { serve: { middleware: [around, around], onError() {} }, connect: { middleware: [around] } }
  const { remote } = await serveAndConnect(t, { fail }, options)
  async function user() {
    return await remote.fail()
  }
  await assert.rejects(user(), ({ stack, remoteStack }) => {
    assert(!stack.includes('js/dist'), stack)
    assert.match(remoteStack, /at .*fail .*\n.*at .*around .*\n.*at .*around /)
    const [local] = stack.split('Remote stack:')
    assert.match(local, /at async around .*\n *at async user /)
    return true
  })
})

test('aborting a call with an async middleware tells the handler', async t => {
  const { wait, entered } = gate()
  const told = deferred()
  const handler = () => {
    ipc.context().signal.addEventListener('abort', told.resolve)
    return wait()
  }
  const middleware = async (call, next) => await next(call)
  const { remote } = await serveAndConnect(t, { handler }, both(middleware))
  const controller = new AbortController()
  const call = ipc.withOptions(remote, { signal: controller.signal }).handler()
  await entered
  controller.abort()
  await assert.rejects(call, { name: 'AbortError' })
  await told.promise
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

test('the middleware of a client that serves is around its calls alone', async t => {
  const sides = []
  const look = (call, next) => {
    sides.push(call.side)
    return next(call)
  }
  const address = freshName()
  const server = await serve(t, address, target)
  const remote = await connect(t, address, { serve: { hear: a => a }, middleware: look })
  assert.equal(await server.peers[0].hear(1), 1)
  assert.equal(await remote.add(1), 1)
  assert.deepEqual(sides, ['client'])
})

for (const given of [5, 'name', [() => {}, null]]) {
  test(`${JSON.stringify(given)} is no middleware`, async t => {
    const { address } = await serveAndConnect(t, target)
    const refused = { code: 'invalid_argument', message: /middleware is a function/ }
    await assert.rejects(ipc.connect(address, { middleware: given }), refused)
    await assert.rejects(ipc.serve(freshName(), target, { middleware: given }), refused)
  })
}

test('ipc.sync passes plain middleware, and refuses what would have to be awaited', async t => {
  const seen = []
  const look = (call, next) => {
    call.metadata.a = 1
    const result = next(call)
    seen.push(result)
    return result
  }
  const address = freshName()
  await serveElsewhere(t, address, { target: '{ see: () => ipc.context().metadata }' })
  const remote = await connect(t, address, { middleware: look })
  assert.deepEqual(ipc.sync(remote).see(), { a: 1 })
  assert.deepEqual(ipc.call(ipc.sync(remote), 'see'), { a: 1 })
  assert.deepEqual(seen, [{ a: 1 }, { a: 1 }])
  const late = await connect(t, address, { middleware: async (call, next) => next(call) })
  assert.throws(() => ipc.sync(late).see(), { code: 'failed_precondition', message: /is async/ })
})

test('an IpcError of a middleware keeps the line that throws it, in every way of calling', async t => {
  const refuse = call => {
    throw new ipc.IpcError('permission_denied', `no ${call.kind} of\n    at all`)
  }
  const { remote } = await serveAndConnect(t, target, { connect: { middleware: refuse } })
  for (const act of [() => remote.add(1), () => ipc.sync(remote).add(1), () => ipc.notify(remote).add(1)]) {
    const error = await Promise.resolve()
      .then(act)
      .then(assert.fail, reason => reason)
    assert.equal(error.code, 'permission_denied')
    assert.match(error.stack, /at all\n {4}at refuse .*middleware\.test\.mjs/)
    assert.doesNotMatch(error.stack, /js.dist/)
  }
})
