// What nobody can use any more is let go: signals, and clients that were dropped without close().

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import ipc from 'ipcbridge'
import { deferred, gate, serve, serveAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

/** Collects garbage until `isOver` says so. */
async function collectUntil(isOver) {
  while (!isOver()) {
    gc()
    await new Promise(setImmediate)
  }
}

/** A signal that counts its listeners. */
function countedSignal() {
  const controller = new AbortController()
  const { signal } = controller
  const counted = { signal, abort: reason => controller.abort(reason), listeners: 0, most: 0 }
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args) => {
    counted.most = Math.max(counted.most, ++counted.listeners)
    addEventListener.apply(signal, args)
  }
  signal.removeEventListener = (...args) => {
    counted.listeners--
    removeEventListener.apply(signal, args)
  }
  return counted
}

test('calls that share a signal have one listener, and none is left when the last has settled', async t => {
  const { wait, open } = gate()
  const { remote } = await serveAndConnect(t, {
    wait,
    echo: x => x,
    fail: () => Promise.reject(new ipc.IpcError('aborted', 'x')),
  })
  const counted = countedSignal()
  const view = ipc.withOptions(remote, { signal: counted.signal })
  const waiting = view.wait()
  await Promise.all(Array.from({ length: 20 }, (_, i) => view.echo(i)))
  await assert.rejects(view.fail(), { code: 'aborted' })
  assert.deepEqual([counted.listeners, counted.most], [1, 1])
  open()
  await waiting
  assert.equal(counted.listeners, 0)
  await view.echo(1)
  assert.equal(counted.listeners, 0)
  const hanging = [view.wait(), view.wait()]
  counted.abort()
  for (const call of hanging) await assert.rejects(call, { code: 'cancelled', message: 'wait() was aborted' })
  assert.equal(counted.listeners, 0)
})

for (const [kind, make] of Object.entries({
  'AbortSignal.timeout()': () => AbortSignal.timeout(600_000),
  ...(AbortSignal.any && { 'AbortSignal.any()': () => AbortSignal.any([new AbortController().signal]) }),
})) {
  test(`a call does not keep the ${kind} that it was made with`, async t => {
    const { remote } = await serveAndConnect(t, { echo: x => x })
    let gone = 0
    const registry = new FinalizationRegistry(() => gone++)
    const callOnce = async () => {
      const signal = make()
      registry.register(signal)
      await ipc.withOptions(remote, { signal }).echo(1)
    }
    for (let i = 0; i < 20; i++) await callOnce()
    await collectUntil(() => gone >= 19)
  })
}

test('a client that nobody can use any more is closed', async t => {
  const server = await serve(t, freshName(), { echo: x => x, math: { double: x => 2 * x } })
  const use = async () => {
    const remote = await ipc.connect(server.address)
    await remote.echo(1)
    await remote.math.double(1)
    await ipc.withOptions(remote, { timeout: 10_000 }).echo(1)
    ipc.notify(remote).echo(1)
    ipc.onState(remote, () => {})()
  }
  for (let i = 0; i < 5; i++) await use()
  await collectUntil(() => ipc.status(server).connections === 0)
})

test('a client that is waited for, or listened to, or of which a part is held, is not', async t => {
  const { wait, open, entered } = gate()
  const server = await serve(t, freshName(), { wait, echo: x => x, math: { double: x => 2 * x } })
  const { address } = server
  const pending = await (async () => [(await ipc.connect(address)).wait()])()
  const { double } = await (async () => (await ipc.connect(address)).math)()
  const view = await (async () => ipc.withOptions(await ipc.connect(address), { timeout: 10_000 }))()
  const told = deferred()
  await (async () => ipc.onState(await ipc.connect(address), state => told.resolve(state)))()
  await entered
  for (let i = 0; i < 10; i++) {
    gc()
    await new Promise(setImmediate)
  }
  assert.equal(ipc.status(server).connections, 4)
  open('opened')
  assert.equal(await pending[0], 'opened')
  assert.equal(await double(2), 4)
  assert.equal(await view.echo(3), 3)
  await server.close()
  assert.equal(await told.promise, 'reconnecting')
})

test('a client is not collected while it connects', async t => {
  const name = freshName()
  const connecting = ipc.connect(name)
  for (let i = 0; i < 5; i++) {
    gc()
    await new Promise(setImmediate)
  }
  await serve(t, name, { echo: x => x })
  assert.equal(await (await connecting).echo(1), 1)
})

test('clients that are dropped by the thousand are collected before there are too many', async t => {
  const server = await serve(t, freshName(), { echo: x => x })
  let most = 0
  for (let i = 0; i < 2500; i++) {
    await (await ipc.connect(server.address)).echo(i)
    most = Math.max(most, ipc.status(server).connections)
  }
  assert.ok(most < 2000, `${most} connections at once`)
})

test('a signal of another realm aborts a call', async t => {
  const { remote } = await serveAndConnect(t, { hang: () => new Promise(() => {}) })
  const foreign = runInNewContext(`({
    aborted: false,
    reason: undefined,
    listeners: new Set(),
    addEventListener(type, listener) { this.listeners.add(listener) },
    removeEventListener(type, listener) { this.listeners.delete(listener) },
    abort() { this.aborted = true; for (const each of [...this.listeners]) each.handleEvent({}) },
  })`)
  const call = ipc.withOptions(remote, { signal: foreign }).hang()
  foreign.abort()
  await assert.rejects(call, { code: 'cancelled' })
  assert.equal(foreign.listeners.size, 0)
})
