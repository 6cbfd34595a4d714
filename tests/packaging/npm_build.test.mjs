// `npx ipcbridge-build`, from the files that npm packs, in a folder of their own.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { copyPackage } from '../node/support/copies.mjs'
import { addonIn, canMount, readOnly, said } from '../node/support/loading.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const isRoot = process.getuid() === 0

/** The package as npm installs it, but without a binary. */
function install(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ipcbridge-install-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const options = ['--ignore-scripts', '--loglevel=error', '--pack-destination', folder]
  const tarball = execFileSync('npm', ['pack', ...options], { cwd: root, encoding: 'utf8' }).trim()
  execFileSync('tar', ['-xzf', join(folder, tarball), '-C', folder, '--exclude=package/js/native'])
  mkdirSync(join(folder, 'package/node_modules'))
  symlinkSync(join(root, 'node_modules/acorn'), join(folder, 'package/node_modules/acorn'))
  return join(folder, 'package')
}

function run(directory, { under = [], ...options } = {}) {
  const [command, ...args] = [...under, process.execPath, join(directory, 'js/dist/addon/build.js')]
  return spawnSync(command, args, { encoding: 'utf8', ...options })
}

/** A PATH with these programs alone, each of them a script of the shell. */
function pathWith(t, programs) {
  const folder = mkdtempSync(join(tmpdir(), 'path-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o755) // for another user as well
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  return folder
}

test('building the addon without what it takes says what to install', t => {
  const directory = copyPackage(t)
  const cmake = 'echo cmake version 3.31.2'
  const lacking = {
    'no cmake': [{}, /CMake 3\.25 or later is needed and there is no cmake on PATH: install it from /],
    'an old cmake': [{ cmake: 'echo cmake version 3.16.3' }, /and the cmake on PATH is 3\.16\.3: install it from /],
    'no ninja and no make': [{ cmake }, /Neither ninja nor make is on PATH: install one of them /],
    'no compiler': [
      { cmake, make: 'true' },
      /C\+\+20 compiler is needed and c\+\+, g\+\+, clang\+\+ cannot be started: /,
    ],
    'an old compiler': [
      { cmake, make: 'true', 'g++': 'exit 1' },
      /compiler is needed and g\+\+ is none: install GCC 11 /,
    ],
  }
  for (const [what, [programs, expected]] of Object.entries(lacking)) {
    const { status, stderr } = run(directory, { env: { PATH: pathWith(t, programs) } })
    assert.match(stderr, expected, what)
    assert.equal(status, 1, what)
  }
})

test('building the addon where nothing can be written says so before it begins', t => {
  const directory = copyPackage(t)
  chmodSync(directory, 0o755)
  const native = join(directory, 'js/native')
  chmodSync(native, 0o555)
  const programs = { cmake: 'echo cmake version 3.31.2', make: 'true', 'c++': 'true' }
  const user = isRoot ? { uid: 65534, gid: 65534 } : {}
  const { status, stderr } = run(directory, { env: { PATH: pathWith(t, programs) }, ...user })
  chmodSync(native, 0o755) // or it could not be removed
  assert.match(stderr, /The addon cannot be put into \S+js\/native \(EACCES.*\): run this as the user who /)
  assert.equal(status, 1)
})

test('building the addon on a read-only file system says so before it begins', {
  skip: !canMount && 'cannot mount',
}, t => {
  const directory = copyPackage(t)
  const programs = { cmake: 'echo cmake version 3.31.2', make: 'true', 'c++': 'true' }
  const env = { ...process.env, PATH: `${pathWith(t, programs)}:${process.env.PATH}` }
  const { status, stderr } = run(directory, { under: readOnly(directory), env })
  assert.match(
    stderr,
    /The addon cannot be put into \S+js\/native \(EROFS.*\): .* on a file system that can be written to\.$/m,
  )
  assert.equal(status, 1)
})

const withoutNetwork = ['unshare', '--net', ...(isRoot ? [] : ['--map-root-user'])]

function whyNotToBuild() {
  if (process.env.IPCBRIDGE_TEST_BUILD === undefined) return 'takes minutes: make test-long'
  const { status, stderr } = spawnSync(withoutNetwork[0], [...withoutNetwork.slice(1), 'true'], { encoding: 'utf8' })
  return status !== 0 && `no network can be taken away here: ${stderr}`
}

test('the addon is built without a network from what npm packs', { skip: whyNotToBuild() }, t => {
  const directory = install(t)
  assert.match(said(directory), /`npx ipcbridge-build`/)
  const { status, stdout, stderr } = run(directory, { under: withoutNetwork })
  assert.equal(status, 0, stdout + stderr)
  assert.ok(stdout.endsWith(`ipcbridge-build: built ${addonIn(directory)}\n`), stdout)
  assert.equal(said(directory), 'loaded')
})
