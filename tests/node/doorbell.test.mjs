// Where libuv cannot be used a thread watches the Driver. The same tests have to pass.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

for (const suite of ['calls', 'options', 'lifetime', 'processes', 'workers', 'async_context']) {
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
