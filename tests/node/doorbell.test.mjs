// Where libuv cannot be used a thread watches the Driver. The same tests have to pass.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

for (const suite of ['calls', 'options', 'lifetime', 'processes', 'workers', 'async_context', 'sync']) {
  test(`${suite} pass with a thread as the doorbell`, async () => {
    const file = fileURLToPath(new URL(`./${suite}.test.mjs`, import.meta.url))
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const child = spawn(process.execPath, ['--test', '--test-reporter=tap', file], {
      env: { ...env, IPCBRIDGE_NODE_DOORBELL: 'thread' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let report = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      report += text
    })
    const [code] = await once(child, 'close')
    assert.equal(code, 0, report)
    assert.match(report, /^# pass [1-9]/m)
  })
}

// Of another user, because no limit of processes holds for root.
const withoutThreads = `
  const { spawnSync } = require('node:child_process')
  const { loadAddon } = require(process.argv[1] + '/js/dist/addon/load.js')
  const ipc = require(process.argv[1])
  loadAddon()
  spawnSync('prlimit', ['--pid', String(process.pid), '--nproc=1'])
  process.setgroups([])
  process.setgid(65534)
  process.setuid(65534)
  ipc.connect('unix:///nowhere', { connectTimeout: 0 }).catch(error => console.log(error.code, error.message))`

test('connect fails where the thread cannot be started', { skip: process.getuid() !== 0 && 'needs root' }, async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const child = spawn(process.execPath, ['-e', withoutThreads, root], {
    env: { ...process.env, IPCBRIDGE_NODE_DOORBELL: 'thread' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    said += text
  })
  assert.deepEqual(await once(child, 'close'), [0, null])
  assert.match(said, /^resource_exhausted cannot start the thread/)
})
