import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { deferred, serveAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

const refused = (call, message = /./) => assert.rejects(call, { code: 'invalid_argument', message })

/** A service whose `hang` settles when the caller gives up, and says what it saw. */
function hanging() {
  const begun = deferred()
  const ended = deferred()
  const hang = () => {
    const { signal } = ipc.context()
    begun.resolve(signal)
    signal.addEventListener('abort', () => ended.resolve(signal.reason))
    return ended.promise.then(() => 'too late')
  }
  return { begun: begun.promise, ended: ended.promise, target: { hang, echo: x => x } }
}

test('a timeout fails the call with deadline_exceeded and reaches the handler', async t => {
  const { begun, ended, target } = hanging()
  const { remote } = await serveAndConnect(t, target)
  const call = ipc.withOptions(remote, { timeout: 30 }).hang()
  await begun
  await assert.rejects(call, { code: 'deadline_exceeded', sent: 'maybe' })
  assert.equal((await ended).code, 'cancelled')
  assert.equal(await remote.echo(1), 1)
})

test('a timeout of zero fails at once, null and Infinity mean none', async t => {
  const { remote } = await serveAndConnect(t, { echo: x => x })
  await assert.rejects(ipc.withOptions(remote, { timeout: 0 }).echo(1), {
    code: 'deadline_exceeded',
    sent: 'no',
  })
  for (const timeout of [null, Number.POSITIVE_INFINITY, undefined, 1e300, 60_000]) {
    assert.equal(await ipc.withOptions(remote, { timeout }).echo(1), 1)
  }
})

test('aborting a signal cancels the call and reaches the handler', async t => {
  const { begun, ended, target } = hanging()
  const { remote } = await serveAndConnect(t, target)
  const controller = new AbortController()
  const call = ipc.withOptions(remote, { signal: controller.signal }).hang()
  await begun
  const reason = new Error('enough')
  controller.abort(reason)
  await assert.rejects(call, { code: 'cancelled', cause: reason })
  assert.equal((await ended).code, 'cancelled')
})

test('with an aborted signal nothing is sent', async t => {
  let calls = 0
  const { remote } = await serveAndConnect(t, { count: () => ++calls })
  const view = ipc.withOptions(remote, { signal: AbortSignal.abort('no') })
  await assert.rejects(view.count(), { code: 'cancelled', cause: 'no' })
  assert.throws(() => ipc.notify(view).count(), { code: 'cancelled' })
  assert.equal(await remote.count(), 1)
})

test('one signal aborts a thousand calls, and no warning is printed', async t => {
  let warned
  const onWarning = warning => {
    warned = warning
  }
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const { remote } = await serveAndConnect(t, { hang: () => new Promise(() => {}), echo: x => x })
  const controller = new AbortController()
  const view = ipc.withOptions(remote, { signal: controller.signal })
  const answered = await Promise.all(Array.from({ length: 1000 }, (_, i) => view.echo(i)))
  assert.equal(answered.length, 1000)
  const calls = Array.from({ length: 1000 }, () => view.hang())
  controller.abort()
  const results = await Promise.allSettled(calls)
  assert.ok(results.every(result => result.reason?.code === 'cancelled'))
  assert.equal(warned, undefined)
})

test('a call cancelled in a handler of the same batch gives its number to nobody else too early', async t => {
  const controller = new AbortController()
  const target = {
    echo: x => x,
    abort() {
      controller.abort()
      return 'aborted'
    },
  }
  const { remote } = await serveAndConnect(t, target)
  const view = ipc.withOptions(remote, { signal: controller.signal })
  const aborted = Array.from({ length: 50 }, (_, i) => view.echo(`old ${i}`).catch(error => error.code))
  const abort = remote.abort()
  const renewed = abort.then(() => Promise.all(Array.from({ length: 100 }, (_, i) => remote.echo(i))))
  for (const result of await Promise.all(aborted)) assert.match(String(result), /^(old \d+|cancelled)$/)
  assert.deepEqual(
    await renewed,
    Array.from({ length: 100 }, (_, i) => i),
  )
})

test('context() tells the handler of its call', async t => {
  let seen
  const { remote } = await serveAndConnect(t, {
    ns: {
      look() {
        const context = ipc.context()
        assert.equal(context, ipc.context())
        seen = context
        const { method, metadata, deadline } = context
        return { method, metadata, deadline, aborted: context.signal.aborted }
      },
    },
  })
  assert.deepEqual(await remote.ns.look(), { method: 'ns.look', metadata: {}, deadline: null, aborted: false })
  const view = ipc.withOptions(remote, { metadata: { user: 'ada', n: 1 }, timeout: 60_000 })
  const { metadata, deadline } = await view.ns.look()
  assert.deepEqual(metadata, { user: 'ada', n: 1 })
  assert.ok(deadline > 50_000 && deadline <= 60_000, String(deadline))
  assert.ok(seen.deadline <= deadline)
  assert.equal(seen.signal.aborted, false)
})

test('a signal that is asked for after the cancellation is aborted already', async t => {
  const begun = deferred()
  const { remote } = await serveAndConnect(t, {
    hang() {
      begun.resolve(ipc.context())
      return new Promise(() => {})
    },
    ping: () => 'pong',
  })
  const controller = new AbortController()
  const call = ipc.withOptions(remote, { signal: controller.signal }).hang()
  const context = await begun.promise
  controller.abort()
  await assert.rejects(call, { code: 'cancelled' })
  await remote.ping() // behind the cancellation
  assert.equal(context.signal.aborted, true)
})

test('options add up, and later ones win', async t => {
  const { remote } = await serveAndConnect(t, {
    meta: () => ipc.context().metadata,
    deadline: () => ipc.context().deadline,
  })
  const first = ipc.withOptions(remote, { metadata: { a: 1 }, timeout: 60_000 })
  const second = ipc.withOptions(first, { timeout: null })
  assert.deepEqual(await second.meta(), { a: 1 })
  assert.equal(await second.deadline(), null)
})

test('options that make no sense are refused', async t => {
  const { remote } = await serveAndConnect(t, { echo: x => x })
  const name = freshName()
  for (const timeout of [-1, Number.NaN, '5', {}]) {
    assert.throws(() => ipc.withOptions(remote, { timeout }), { code: 'invalid_argument' })
    await refused(ipc.connect(name, { connectTimeout: timeout }))
  }
  assert.throws(() => ipc.withOptions(remote, { timout: 5 }), {
    code: 'invalid_argument',
    message: /'timout'.*timeout/,
  })
  assert.throws(() => ipc.withOptions(remote, { signal: {} }), { code: 'invalid_argument' })
  assert.throws(() => ipc.withOptions(remote, { metadata: [1] }), { code: 'invalid_argument' })
  assert.throws(() => ipc.withOptions(remote, { metadata: { id: Symbol('x') } }), {
    code: 'invalid_argument',
    message: /metadata\.id/,
  })
  assert.throws(() => ipc.withOptions(remote, { idempotent: 1 }), { code: 'invalid_argument' })
  assert.throws(() => ipc.withOptions({}, {}), { code: 'invalid_argument' })
  await refused(ipc.connect(name, { int64: 'number' }))
  await refused(ipc.connect(name, { limits: { maxMessages: 1 } }))
  await refused(ipc.connect(name, { allow: [-1] }))
  await refused(ipc.connect(name, { allow: 'www-data' }))
  await refused(ipc.connect([]))
  await refused(ipc.connect(5))
  await refused(ipc.serve(name, {}))
  await refused(ipc.serve(name, { f() {} }, { takeover: 'never' }))
  await refused(ipc.serve(name, { f() {} }, { mode: -1 }))
  await refused(ipc.serve(name, { f() {} }, { serial: 'yes' }), /serial/)
  await refused(ipc.serve(name, { f() {} }, { onError: 'log' }), /onError is a function/)
  assert.throws(() => ipc.method(() => {}, { parms: ['x'] }), { code: 'invalid_argument', message: /'parms'/ })
  assert.throws(() => ipc.method(() => {}, { params: 'x' }), { code: 'invalid_argument' })
  assert.throws(() => ipc.method(() => {}, { serial: 'yes' }), { code: 'invalid_argument' })
  await refused(ipc.serve(5, { f() {} }))
  await assert.rejects(ipc.serve(name, { f() {} }, { allow: ['no-such-user-here'] }), { code: 'invalid_argument' })
  await assert.rejects(ipc.serve(name, { f() {} }, { allow: ['group:no-such-group'] }), { code: 'invalid_argument' })
})

test('users and groups are allowed by name', async t => {
  const { remote } = await serveAndConnect(t, { echo: x => x }, { serve: { allow: ['root', 'group:root', 12345] } })
  assert.equal(await remote.echo(1), 1)
})

test('a message over the limit of the other side is refused by the sender', async t => {
  const { remote } = await serveAndConnect(t, { echo: x => x }, { serve: { limits: { maxMessageBytes: 100_000 } } })
  await assert.rejects(remote.echo(Buffer.alloc(200_000)), { code: 'resource_exhausted' })
  assert.equal(await remote.echo(1), 1)
})

test('a result over the limit of the caller fails that call only', async t => {
  const { remote } = await serveAndConnect(
    t,
    { make: size => Buffer.alloc(size) },
    { connect: { limits: { maxMessageBytes: 100_000 } } },
  )
  await assert.rejects(remote.make(200_000), { name: 'RemoteError', code: 'resource_exhausted' })
  assert.equal((await remote.make(10)).length, 10)
})

test('a notification for which there is no room is dropped and counted', async t => {
  const gate = deferred()
  const { remote } = await serveAndConnect(
    t,
    { wait: () => gate.promise },
    { serve: { limits: { maxPendingCalls: 1 } }, connect: { maxQueuedBytes: 2_000 } },
  )
  const first = remote.wait()
  const taken = Array.from({ length: 100 }, () => ipc.notify(remote).wait())
  const dropped = taken.filter(was => was === false).length
  assert.ok(dropped > 0 && dropped < 100)
  assert.equal(ipc.status(remote).droppedNotifications, dropped)
  gate.resolve('done')
  assert.equal(await first, 'done')
})

test('calls beyond maxQueuedBytes are refused, those before answered', async t => {
  const gate = deferred()
  const { remote } = await serveAndConnect(
    t,
    { wait: () => gate.promise },
    { serve: { limits: { maxPendingCalls: 4 } }, connect: { maxQueuedBytes: 10_000 } },
  )
  const calls = Array.from({ length: 1000 }, () => remote.wait())
  gate.resolve('done')
  const results = await Promise.allSettled(calls)
  const refusedCalls = results.filter(({ reason }) => reason?.code === 'resource_exhausted').length
  const answered = results.filter(({ value }) => value === 'done').length
  assert.equal(refusedCalls + answered, 1000)
  assert.ok(refusedCalls > 0 && answered >= 4)
})

test('AbortSignal.timeout works as a signal', { skip: AbortSignal.timeout === undefined }, async t => {
  const { target } = hanging()
  const { remote } = await serveAndConnect(t, target)
  const signal = AbortSignal.timeout(20)
  const call = ipc.withOptions(remote, { signal }).hang()
  await Promise.all([once(signal, 'abort'), assert.rejects(call, { code: 'deadline_exceeded' })])
})

test('options for a method are refused, saying where they go', async t => {
  const { remote } = await serveAndConnect(t, { f() {} })
  const refused = (make, message) => assert.throws(make, { code: 'invalid_argument', message })
  refused(
    () => ipc.withOptions(remote.f, { timeout: 5 }),
    /a function \(f\).*withOptions\(service, options\)\.method\(\)/,
  )
  refused(() => ipc.notify(remote.f), /a function \(f\).*notify\(service\)\.method\(\)/)
  refused(() => ipc.withOptions(remote.nope, {}), /undefined.*does not offer.*withOptions\(service/)
  refused(() => ipc.notify(undefined), /undefined.*notify\(service/)
  refused(() => ipc.status({}), /this object is not a service/)
})

const least = {
  maxMessageBytes: 1024,
  maxPendingBytes: 1024,
  maxPendingCalls: 1,
  streamWindowItems: 1,
  streamWindowBytes: 1,
  maxBytesPerUser: 1024,
}

test('a limit that no call could keep is refused, and the least is told', async t => {
  for (const [limit, bound] of Object.entries(least)) {
    for (const value of [0, bound - 1]) {
      await assert.rejects(ipc.serve(freshName(), { f() {} }, { limits: { [limit]: value } }), {
        code: 'invalid_argument',
        message: new RegExp(`^limits.${limit} is an integer from ${bound} to `),
      })
    }
  }
  const { maxBytesPerUser, ...both } = least
  const { remote } = await serveAndConnect(
    t,
    { add: (a, b) => a + b },
    { serve: { limits: least }, connect: { limits: both, maxQueuedBytes: 0 } },
  )
  for (let number = 0; number < 3; number++) assert.equal(await remote.add(number, 0.5), number + 0.5)
})

test('a mode is told in octal, and a name as it was written', async () => {
  await assert.rejects(ipc.serve(freshName(), { f() {} }, { mode: 1000 }), {
    message: 'mode is an integer from 0 to 0o777; got 1000',
  })
  await assert.rejects(ipc.connect('caf\u00e9'), /^IpcError: 'caf\u00e9' is no service name/)
  await assert.rejects(ipc.connect('a\u001b[31m\u202eb'), /^IpcError: 'a\?\[31m\?\?\?b' is no service name/)
})

test('a wrong option of any size is refused in a short sentence', async t => {
  const { remote } = await serveAndConnect(t, { f() {} })
  const wrong = [10n ** 5000n, 'x'.repeat(100_000), Symbol('x'), { toString: () => assert.fail() }, Object.create(null)]
  const short = error => {
    assert.equal(error.code, 'invalid_argument')
    assert.ok(error.message.length < 300, error.message)
    return true
  }
  for (const value of wrong) {
    assert.throws(() => ipc.withOptions(remote, { timeout: value }), short)
    assert.throws(() => ipc.withOptions(remote, { [String(value?.description ?? 'x').repeat(1000)]: 1 }), short)
    assert.throws(() => ipc.status(value), short)
    await assert.rejects(ipc.connect('x', { limits: { maxPendingCalls: value } }), short)
    await assert.rejects(ipc.connect('x', { maxQueuedBytes: value }), short)
    await assert.rejects(ipc.connect('x', { allow: [value] }), short)
    await assert.rejects(ipc.serve('x', { f() {} }, { mode: value }), short)
    await assert.rejects(ipc.serve('x', { f() {} }, { takeover: value }), short)
    await assert.rejects(ipc.serve(value, { f() {} }), short)
    await assert.rejects(ipc.connect(value), short)
  }
  await assert.rejects(ipc.serve('x', { ['m'.repeat(100_000)]() {} }), short)
})
