import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('a typed client has the methods and namespaces of its service, which take keyword arguments in place of the last', () => {
  const options = [
    '--noEmit',
    '--strict',
    '--target',
    'ES2022',
    '--module',
    'Node16',
    '--types',
    'node',
    '--ignoreConfig',
  ]
  const { status, stdout } = spawnSync('node_modules/.bin/tsc', [...options, 'tests/node/types/remote.ts'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout)
})
