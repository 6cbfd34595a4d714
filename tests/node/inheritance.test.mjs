// What calls made inside a handler take over from the call that it serves.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { deferred, serveAndConnect } from './support/endpoints.mjs'

const look = () => {
  const { metadata, deadline } = ipc.context()
  return { metadata, deadline }
}

/** A service behind a service: `call` is what the handler of the first does with the second. */
async function chain(t, call, { inner = { look } } = {}) {
  const { remote: second } = await serveAndConnect(t, inner)
  const { remote: first } = await serveAndConnect(t, { relay: (...args) => call(second, ...args) })
  return first
}

const relays = {
  'the synchronous part of a handler': second => second.look(),
  'a handler after an await': async second => {
    await sleep(1)
    return second.look()
  },
  'a callback': second => new Promise((resolve, reject) => setTimeout(() => second.look().then(resolve, reject), 1)),
}

for (const [where, relay] of Object.entries(relays)) {
  test(`a call made in ${where} carries on what is marked, and the trace`, async t => {
    const first = await chain(t, relay)
    const metadata = { tenant: 'acme', user: 'ada', traceparent: '00-a-b-01', tracestate: 'x=1' }
    const { metadata: seen } = await ipc.withOptions(first, { metadata, passOn: ['tenant'] }).relay()
    assert.deepEqual(seen, { tenant: 'acme', traceparent: '00-a-b-01', tracestate: 'x=1' })
  })

  test(`a call made in ${where} has the deadline of the call that is served`, async t => {
    const first = await chain(t, relay)
    const { deadline } = await ipc.withOptions(first, { timeout: 60_000 }).relay()
    assert.ok(deadline > 30_000 && deadline <= 60_000, String(deadline))
    assert.equal((await first.relay()).deadline, null)
  })
}

test('what is marked goes on through any number of services', async t => {
  let { remote } = await serveAndConnect(t, { look })
  for (let i = 0; i < 5; i++) {
    const next = remote
    ;({ remote } = await serveAndConnect(t, { look: () => next.look() }))
  }
  const { metadata } = await ipc
    .withOptions(remote, { metadata: { a: 1, b: { c: [2n ** 70n] } }, passOn: ['b'] })
    .look()
  assert.deepEqual(metadata, { b: { c: [2n ** 70n] } })
})

test('own metadata win over what is inherited, and add to what goes on', async t => {
  const { remote: third } = await serveAndConnect(t, { look })
  const { remote: second } = await serveAndConnect(t, {
    look: async () => [look().metadata, (await third.look()).metadata],
  })
  const first = await chain(
    t,
    () => ipc.withOptions(second, { metadata: { tenant: 'own', more: 1 }, passOn: ['more'] }).look(),
    { inner: { look } },
  )
  const seen = await ipc
    .withOptions(first, { metadata: { tenant: 'given', user: 'ada' }, passOn: ['tenant', 'user'] })
    .relay()
  assert.deepEqual(seen[0], { tenant: 'own', user: 'ada', more: 1 })
  assert.deepEqual(seen[1], seen[0])
})

test('a handler can mark what it has received', async t => {
  const first = await chain(t, second => ipc.withOptions(second, { passOn: ['user'] }).look())
  assert.deepEqual((await ipc.withOptions(first, { metadata: { user: 'ada', other: 1 } }).relay()).metadata, {
    user: 'ada',
  })
})

test('the sooner deadline counts', async t => {
  const first = await chain(t, (second, timeout) => ipc.withOptions(second, { timeout }).look())
  const brief = await ipc.withOptions(first, { timeout: 60_000 }).relay(1000)
  assert.ok(brief.deadline <= 1000)
  const long = await ipc.withOptions(first, { timeout: 1000 }).relay(60_000)
  assert.ok(long.deadline <= 1000)
})

test('a call made when the deadline has passed fails at once, and says why', async t => {
  const failed = deferred()
  const { remote: second } = await serveAndConnect(t, { look: () => assert.fail('it was sent') })
  const { remote: first } = await serveAndConnect(t, {
    async relay() {
      const { signal } = ipc.context()
      await once(signal, 'abort')
      while (ipc.context().deadline > 0) await sleep(1)
      await second.look().catch(failed.resolve)
      assert.throws(() => ipc.notify(second).look(), { code: 'deadline_exceeded' })
    },
  })
  await assert.rejects(ipc.withOptions(first, { timeout: 20 }).relay(), { code: 'deadline_exceeded' })
  const error = await failed.promise
  assert.equal(error.code, 'deadline_exceeded')
  assert.equal(error.sent, 'no')
  assert.match(error.message, /^look\(\) was not sent: the deadline of the call that its handler serves has passed$/)
})

test('notifications inherit as calls do', async t => {
  const seen = deferred()
  const { remote: second } = await serveAndConnect(t, { look: () => seen.resolve(look()) })
  const { remote: first } = await serveAndConnect(t, { relay: () => ipc.notify(second).look() })
  await ipc.withOptions(first, { timeout: 60_000, metadata: { traceparent: 'x' } }).relay()
  const { metadata, deadline } = await seen.promise
  assert.deepEqual(metadata, { traceparent: 'x' })
  assert.ok(deadline <= 60_000)
})

test('what a handler has begun inherits also when it has answered', async t => {
  const seen = deferred()
  const { remote: second } = await serveAndConnect(t, { look })
  const { remote: first } = await serveAndConnect(t, {
    async relay() {
      void sleep(5).then(() => seen.resolve(second.look()))
    },
  })
  await ipc.withOptions(first, { timeout: 60_000, metadata: { traceparent: 'x' } }).relay()
  const { metadata, deadline } = await seen.promise
  assert.deepEqual(metadata, { traceparent: 'x' })
  assert.ok(deadline <= 60_000)
})

test('generators inherit, of results and of arguments', async t => {
  const { remote: second } = await serveAndConnect(t, { look, all: async rows => rows.toArray() })
  const { remote: first } = await serveAndConnect(t, {
    async *rows() {
      await sleep(1)
      yield (await second.look()).metadata
    },
    *plain() {
      yield second.look() && 1
    },
    relay: () =>
      second.all(
        (async function* () {
          await sleep(1)
          yield (await second.look()).metadata
        })(),
      ),
  })
  const traced = ipc.withOptions(first, { metadata: { traceparent: 'x' } })
  assert.deepEqual(await (await traced.rows()).toArray(), [{ traceparent: 'x' }])
  assert.deepEqual(await traced.relay(), [{ traceparent: 'x' }])
})

test('outside of handlers nothing is inherited', async t => {
  const { remote } = await serveAndConnect(t, { look, later: async () => look() })
  await ipc.withOptions(remote, { metadata: { traceparent: 'x' }, timeout: 1000 }).later()
  assert.deepEqual(await remote.look(), { metadata: {}, deadline: null })
})

test('what cannot be marked, or is too much, is refused', async t => {
  const { remote } = await serveAndConnect(t, { look })
  const refused = (options, message) =>
    assert.throws(() => ipc.withOptions(remote, options), { code: 'invalid_argument', message })
  refused({ passOn: ['tenant'] }, /'tenant'/)
  refused({ metadata: { a: 1 }, passOn: ['b'] }, /'b'/)
  refused({ metadata: { a: 1 }, passOn: 'a' }, /array/)
  refused({ metadata: { a: 1 }, passOn: [1] }, /array/)
  refused({ metadata: { ':pass_on': ['a'] } }, /:pass_on/)
  refused({ metadata: { text: 'x'.repeat(65_536) } }, /65,5\d\d bytes.*65,536/)
  assert.deepEqual(
    (await ipc.withOptions(remote, { metadata: { text: 'x'.repeat(60_000) } }).look()).metadata.text.length,
    60_000,
  )
})

test('metadata that become too much by what is inherited fail that call alone', async t => {
  const first = await chain(t, second => ipc.withOptions(second, { metadata: { own: 'x'.repeat(40_000) } }).look())
  const call = size => ipc.withOptions(first, { metadata: { given: 'x'.repeat(size) }, passOn: ['given'] }).relay()
  await assert.rejects(call(40_000), { code: 'invalid_argument', message: /metadata of/ })
  assert.equal((await call(10)).metadata.own.length, 40_000)
})
