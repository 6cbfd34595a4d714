// Serial methods and services: one call at a time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { connect, deferred, gate, serveAndConnect } from './support/endpoints.mjs'

/** A serial method that waits at a gate, and what it has run with. */
function gated() {
  const { wait, entered, open } = gate()
  const ran = []
  const work = ipc.method(
    n => {
      ran.push(n)
      return wait()
    },
    { serial: true },
  )
  return { work, ran, entered, open }
}

test('serial: one handler at a time, in the order of the calls', async t => {
  const log = []
  const step = async name => {
    log.push(`${name} begins`)
    await new Promise(setImmediate)
    log.push(`${name} ends`)
    return name
  }
  const { remote } = await serveAndConnect(t, { step, other: step }, { serve: { serial: true } })
  const results = await Promise.all([remote.step('a'), remote.other('b'), remote.step('c')])
  assert.deepEqual(results, ['a', 'b', 'c'])
  assert.deepEqual(log, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('serial methods go one at a time beside others that overlap', async t => {
  const end = deferred()
  let running = 0
  const slow = ipc.method(
    async () => {
      assert.equal(++running, 1)
      await end.promise
      running--
      return 'slow'
    },
    { serial: true },
  )
  const { remote } = await serveAndConnect(t, { slow, quick: () => 'quick' })
  const calls = [remote.slow(), remote.slow(), remote.slow()]
  assert.equal(await remote.quick(), 'quick')
  end.resolve()
  assert.deepEqual(await Promise.all(calls), ['slow', 'slow', 'slow'])
})

test('a serial method sees its own metadata, though it had to wait', async t => {
  const meta = ipc.method(
    () => {
      const { metadata } = ipc.context()
      return new Promise(resolve => setImmediate(resolve, metadata.n))
    },
    { serial: true },
  )
  const { remote } = await serveAndConnect(t, { meta })
  const calls = Array.from({ length: 20 }, (_, n) => ipc.withOptions(remote, { metadata: { n } }).meta())
  assert.deepEqual(
    await Promise.all(calls),
    calls.map((_, n) => n),
  )
})

test('a serial method does not run for a caller who gave up while it waited', async t => {
  const { work, ran, entered, open } = gated()
  const { remote } = await serveAndConnect(t, { work, echo: x => x })
  const first = remote.work(1)
  await entered
  const controller = new AbortController()
  const aborted = ipc.withOptions(remote, { signal: controller.signal }).work(2)
  const late = ipc.withOptions(remote, { timeout: 20 }).work(3)
  await remote.echo(1) // behind the calls
  controller.abort()
  await assert.rejects(aborted, { code: 'cancelled' })
  await assert.rejects(late, { code: 'deadline_exceeded' })
  await remote.echo(1) // behind the cancellations
  open('done')
  assert.equal(await first, 'done')
  assert.equal(await remote.work(4), 'done')
  assert.deepEqual(ran, [1, 4])
})

test('a serial method waits for a handler whose caller has gone', async t => {
  const { work, ran, entered, open } = gated()
  const { remote, server } = await serveAndConnect(t, { work, echo: x => x })
  const second = await connect(t, server.address)
  const lost = assert.rejects(second.work(1), { code: 'cancelled' })
  await entered
  const next = remote.work(2)
  await ipc.close(second)
  await lost
  while (server.status().connections > 1) await new Promise(setImmediate)
  assert.deepEqual(ran, [1])
  open('done')
  assert.equal(await next, 'done')
  assert.deepEqual(ran, [1, 2])
})

test('a serial method goes on after one that fails', async t => {
  const fail = ipc.method(
    async x => {
      await null
      throw new ipc.IpcError('aborted', x)
    },
    { serial: true },
  )
  const { remote } = await serveAndConnect(t, { fail })
  await assert.rejects(remote.fail('one'), { message: 'one' })
  await assert.rejects(remote.fail('two'), { message: 'two' })
})
