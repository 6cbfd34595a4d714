// status() shows the streams that are open, and what they wait for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import ipc from 'ipcbridge'
import { gate, serveAndConnect } from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'
import { watched } from './support/streams.mjs'

const streamsOf = endpoint => {
  const { openStreams, stalledStreams, awaitedStreams } = ipc.status(endpoint)
  return [openStreams, stalledStreams === null ? 0 : stalledStreams.count, awaitedStreams]
}

/** Nobody tells of a stream that waits. */
async function until(satisfied) {
  while (!satisfied()) await turn()
}

for (const transport of ['shm', 'unix']) {
  const options = () => ({ address: freshAddress(transport) })

  test(`${transport}: a reader that stalls shows, and is gone when it reads`, async t => {
    const source = watched()
    const { server, remote } = await serveAndConnect(t, source, options())
    assert.deepEqual(
      [streamsOf(server), streamsOf(remote)],
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
    )
    const stream = await remote.numbers(20_000)
    await until(() => ipc.status(server).stalledStreams !== null)
    assert.deepEqual(
      [streamsOf(server), streamsOf(remote)],
      [
        [1, 1, 0],
        [1, 0, 0],
      ],
    )
    const { ms } = ipc.status(server).stalledStreams
    await until(() => ipc.status(server).stalledStreams.ms > ms)
    assert.equal((await stream.toArray()).length, 20_000)
    await until(() => ipc.status(server).openStreams + ipc.status(remote).openStreams === 0)
    assert.equal(ipc.status(server).stalledStreams, null)
  })

  test(`${transport}: a stream whose items do not come is awaited`, async t => {
    const { wait, open } = gate()
    const target = {
      async *quiet() {
        yield 1
        await wait()
      },
    }
    const { server, remote } = await serveAndConnect(t, target, options())
    const items = (await remote.quiet())[Symbol.asyncIterator]()
    assert.equal((await items.next()).value, 1)
    assert.deepEqual(
      [streamsOf(server), streamsOf(remote)],
      [
        [1, 0, 0],
        [1, 0, 1],
      ],
    )
    assert.equal(ipc.status(remote).links[0].awaitedStreams, 1)
    open()
    assert.equal((await items.next()).done, true)
    await until(() => ipc.status(server).openStreams + ipc.status(remote).openStreams === 0)
  })

  test(`${transport}: a handler that does not read its argument stalls the caller`, async t => {
    const { wait, open } = gate()
    const source = watched()
    const { server, remote } = await serveAndConnect(t, { take: _numbers => wait() }, options())
    const call = remote.take(source.numbers())
    await until(() => ipc.status(remote).stalledStreams !== null)
    assert.deepEqual(
      [streamsOf(server), streamsOf(remote)],
      [
        [1, 0, 0],
        [1, 1, 0],
      ],
    )
    open()
    await call
    await source.ended
    await until(() => ipc.status(server).openStreams + ipc.status(remote).openStreams === 0)
  })

  test(`${transport}: a callback that runs shows on both sides`, async t => {
    const { server, remote } = await serveAndConnect(t, { ask: fn => fn() }, options())
    const seen = await remote.ask(() => [ipc.status(remote).runningCalls, ipc.status(server).pendingCalls])
    assert.deepEqual(seen, [1, 1])
    assert.deepEqual([ipc.status(remote).runningCalls, ipc.status(server).pendingCalls], [0, 0])
  })
}
