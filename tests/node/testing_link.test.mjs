import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import * as testing from 'ipcbridge/testing'
import { connect, gate, reaches, serve, serveElsewhere } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

const delay = 150

async function linkTo(t, service) {
  const link = await testing.link(service)
  t.after(() => link.close())
  return link
}

/** A link in front of a service of another process, and a client that takes it. */
async function linked(t) {
  const address = freshName()
  await serveElsewhere(t, address)
  const link = await linkTo(t, address)
  return { link, remote: await connect(t, link.address) }
}

test('calls pass as they are over the socket', async t => {
  const { link, remote } = await linked(t)
  assert.equal(await remote.echo(1), 1)
  const text = 'x'.repeat(20_000_000)
  assert.equal(await remote.echo(text), text)
  assert.equal(ipc.status(remote).transport, 'unix')
  assert.equal(link.connections, 1)
})

test('a delay holds for each way and can be ended', async t => {
  const { link, remote } = await linked(t)
  link.delay(delay)
  const start = performance.now()
  assert.equal(await remote.echo(1), 1)
  assert.ok(performance.now() - start >= 2 * delay)
  const again = performance.now()
  const numbers = Array.from({ length: 100 }, (_, i) => i)
  assert.deepEqual(await Promise.all(numbers.map(i => remote.echo(i))), numbers)
  assert.ok(performance.now() - again < 100 * delay, 'they were under way together')
  const late = ipc.withOptions(remote, { timeout: delay }).echo(1)
  await assert.rejects(late, { code: 'deadline_exceeded', sent: 'maybe' })
  link.delay(0)
  assert.equal(await remote.echo(1), 1)
  for (const wrong of [-1, null, Number.POSITIVE_INFINITY, 'soon']) {
    assert.throws(() => link.delay(wrong), { code: 'invalid_argument' })
  }
})

test('what is sent while it is paused passes when it is resumed', async t => {
  const { link, remote } = await linked(t)
  link.pause()
  await assert.rejects(ipc.withOptions(remote, { timeout: 50 }).echo(1), { code: 'deadline_exceeded' })
  const waiting = remote.echo('x'.repeat(5_000_000))
  assert.equal(ipc.status(remote).state, 'ready')
  link.resume()
  assert.equal((await waiting).length, 5_000_000)
})

test('a dropped connection fails calls that may have run and is made again', async t => {
  const { link, remote } = await linked(t)
  const hanging = remote.hang()
  await remote.echo(1) // it is on its way by now
  const failed = assert.rejects(hanging, { code: 'unavailable', sent: 'maybe' })
  await link.drop()
  await failed
  assert.equal(await remote.echo(1), 1)
  assert.equal(link.connections, 1)
})

test('a killed peer is away until it is started again', async t => {
  const { link, remote } = await linked(t)
  const hanging = remote.hang()
  await remote.echo(1)
  const failed = assert.rejects(hanging, { code: 'unavailable', sent: 'maybe' })
  await link.kill()
  await failed
  await assert.rejects(ipc.withOptions(remote, { waitForReady: false }).echo(1), { code: 'unavailable', sent: 'no' })
  await assert.rejects(ipc.connect(link.address, { connectTimeout: 0 }), { code: 'unavailable' })
  const waiting = remote.echo(2)
  await link.restart()
  await link.restart()
  assert.equal(await waiting, 2)
})

test('the handler hears that its caller is gone', async t => {
  const { wait, entered } = gate()
  let aborted
  const server = await serve(t, freshName(), {
    hang: () => {
      const { signal } = ipc.context()
      aborted = new Promise(resolve => signal.addEventListener('abort', resolve))
      return wait()
    },
  })
  const link = await linkTo(t, server)
  const remote = await connect(t, link.address)
  const failed = assert.rejects(remote.hang(), { code: 'unavailable' })
  await entered
  await link.kill()
  await failed
  await aborted
})

test('a stream is cut with its link', async t => {
  const server = await serve(t, freshName(), {
    *count() {
      for (let i = 0; ; i++) yield i
    },
  })
  const link = await linkTo(t, server)
  const remote = await connect(t, link.address)
  const numbers = await remote.count()
  await assert.rejects(
    async () => {
      for await (const number of numbers) if (number === 0) await link.drop()
    },
    { code: 'unavailable' },
  )
})

test('a link may be there before its service', async t => {
  const address = freshName()
  const link = await linkTo(t, address)
  await assert.rejects(ipc.connect(link.address, { connectTimeout: 100 }), { code: 'unavailable' })
  const server = await serve(t, address, { version: () => 1 })
  const remote = await connect(t, link.address)
  assert.equal(await remote.version(), 1)
  const lost = reaches(remote, 'reconnecting')
  await server.close()
  await lost
  await serve(t, address, { version: () => 2 })
  assert.equal(await remote.version(), 2)
})

test('a closed link leaves nothing and does nothing', async t => {
  const link = await linkTo(t, freshName())
  const folder = dirname(link.address.slice('unix://'.length))
  assert.ok(existsSync(folder))
  await link.close()
  await link.close()
  await link.drop()
  await link.restart()
  assert.ok(!existsSync(folder))
})

test('what no link can be in front of is refused', async () => {
  for (const wrong of ['inproc://calc', 7, 'no name/', {}]) {
    await assert.rejects(testing.link(wrong), { code: 'invalid_argument' })
  }
})
