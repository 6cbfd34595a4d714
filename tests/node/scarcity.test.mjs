import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from './support/children.mjs'
import { serveAndConnect } from './support/endpoints.mjs'

test('a service that runs out of descriptors still reads the parameters of its functions', async t => {
  const { code, stderr } = await run(
    t,
    `import { openSync, closeSync } from 'node:fs'
     const target = { add: (a, b = 0) => a + b }
     await ipc.serve('few', target)
     const remote = await ipc.connect('few')
     const taken = []
     try { for (;;) taken.push(openSync('/dev/null')) } catch {}
     const sum = await remote.add(1, 2)
     for (const fd of taken) closeSync(fd)
     process.exit(sum === 3 ? 0 : 9)`,
    { under: ['prlimit', '--nofile=64:64'] },
  )
  assert.equal(code, 0, stderr)
})

test('a process with one CPU does not spin, and calls work', async t => {
  const program = `
    await ipc.serve('one-cpu', { echo: x => x })
    const remote = await ipc.connect('one-cpu')
    for (let i = 0; i < 1000; i++) if ((await remote.echo(i)) !== i) process.exit(9)
    process.exit(0)`
  const { code, stderr } = await run(t, program, { under: ['taskset', '-c', '0'] })
  assert.equal(code, 0, stderr)
})

test('a hundred thousand calls fired at once are all answered', async t => {
  const { remote } = await serveAndConnect(t, { echo: x => x })
  const results = await Promise.all(Array.from({ length: 100_000 }, (_, i) => remote.echo(i)))
  assert.ok(results.every((result, i) => result === i))
})
