// More values than a message may hold, or keys that collide: only that call fails.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serveAndConnect } from './support/endpoints.mjs'

const tooMany = 2 ** 23
const target = { echo: value => value, many: () => Array(tooMany).fill(null), alike }

/** BigInts of which V8 hashes the low 64 bits only. */
function alike() {
  return new Set(Array.from({ length: 1000 }, (_, index) => (BigInt(index + 1) << 64n) | 1n))
}

test('arguments over the bounds fail their call alone', async t => {
  const { remote } = await serveAndConnect(t, target)
  await assert.rejects(remote.echo(Array(tooMany).fill(null)), { code: 'resource_exhausted', message: /^args\[0\]/ })
  await assert.rejects(remote.echo(alike()), { code: 'resource_exhausted', name: 'RemoteError', message: /collide/ })
  assert.equal(await remote.echo(1), 1)
})

test('a result over the bounds fails its call alone', async t => {
  const { remote } = await serveAndConnect(t, target)
  await assert.rejects(remote.many(), { code: 'resource_exhausted', name: 'RemoteError', message: /more values/ })
  await assert.rejects(remote.alike(), { code: 'resource_exhausted', name: 'IpcError', message: /collide/ })
  assert.equal(await remote.echo(1), 1)
})
