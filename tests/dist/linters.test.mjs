// What the linters of packages say.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { pythonTools, sdist, tarball, tools, wheels } from './support/packages.mjs'

function passes(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
}

test('publint finds nothing in the npm package', () => {
  passes(process.execPath, join(tools, '.bin/publint'), 'run', '--strict', tarball)
})

test('attw finds the types of all its entry points, whoever asks', () => {
  passes(process.execPath, join(tools, '.bin/attw'), tarball)
})

test('twine finds nothing in the metadata of the wheels and the sdist', () => {
  passes(join(pythonTools, 'twine'), 'check', '--strict', ...wheels, sdist)
})

test('check-wheel-contents finds nothing in the wheels', () => {
  passes(join(pythonTools, 'check-wheel-contents'), ...wheels)
})
