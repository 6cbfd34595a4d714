// Memory that cannot be had: the call that wants it fails, and everything else goes on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { start } from './support/children.mjs'
import { connect, serveElsewhereAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

// ASan reserves more address space than any limit leaves.
const limited = { skip: process.env.IPCBRIDGE_SANITIZED === '1' }

// What is left to it is more than the core needs to put the message together, and less than that and a Buffer.
test('a service that has no memory for a message refuses that call alone', limited, async t => {
  const address = freshName()
  const child = start(
    t,
    `import { execFileSync } from 'node:child_process'
     import { readFileSync } from 'node:fs'
     await ipc.serve(argv.address, { size: x => x.length, one: () => 1 })
     const [pages] = readFileSync('/proc/self/statm', 'utf8').split(' ')
     execFileSync('prlimit', ['--pid', process.pid, '--as=' + (pages * 4096 + 220 * 1024 * 1024)])
     say('limited')`,
    { argv: { address } },
  )
  await child.heard()
  const remote = await connect(t, address)
  const results = await Promise.allSettled([remote.one(), remote.size(Buffer.alloc(120 << 20)), remote.one()])
  assert.deepEqual(
    results.map(({ value, reason }) => reason?.code ?? value),
    [1, 'resource_exhausted', 1],
  )
  assert.equal(await remote.size(Buffer.alloc(1 << 20)), 1 << 20)
})

/** Makes the engine refuse buffers of more than a MiB while `act` runs, as it does where there is no memory. */
async function withoutLargeBuffers(t, act) {
  const { allocUnsafeSlow } = Buffer
  const injected = t.mock.method(Buffer, 'allocUnsafeSlow', size => {
    if (size > 1 << 20) throw new RangeError('Array buffer allocation failed')
    return allocUnsafeSlow(size)
  })
  try {
    return await act()
  } finally {
    injected.mock.restore()
  }
}

test('a caller that has no memory for its arguments or for the answer fails that call alone', async t => {
  const { remote } = await serveElsewhereAndConnect(t, { target: `{ text: n => 'x'.repeat(n), one: () => 1 }` })
  await withoutLargeBuffers(t, async () => {
    const large = remote.text('x'.repeat(2 << 20))
    await assert.rejects(large, { code: 'resource_exhausted', message: /no memory for the \d+ bytes/ })
    const all = await Promise.allSettled([remote.one(), remote.text(4 << 20), remote.text(500_000)])
    assert.deepEqual(
      all.map(({ value, reason }) => reason?.code ?? value.length ?? value),
      [1, 'resource_exhausted', 500_000],
    )
  })
  assert.equal((await remote.text(4 << 20)).length, 4 << 20)
  assert.equal(ipc.status(remote).pendingCalls, 0)
})

test('a call that has no memory for its metadata fails alone, and keeps nothing pending', async t => {
  const { remote } = await serveElsewhereAndConnect(t)
  const view = ipc.withOptions(remote, { metadata: { large: Buffer.alloc(60 << 10) } })
  t.mock.method(Buffer, 'concat', () => {
    throw new RangeError('Array buffer allocation failed')
  })
  await assert.rejects(view.echo(1), { code: 'resource_exhausted', message: /no memory for the \d+ bytes of a call/ })
  assert.throws(() => ipc.notify(view).echo(1), { code: 'resource_exhausted' })
  assert.equal(ipc.status(remote).pendingCalls, 0)
  t.mock.restoreAll()
  assert.equal(await view.echo(1), 1)
})
