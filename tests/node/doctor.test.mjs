// What the doctor says of the package; tests/cross/test_doctor.py has what it says of the machine.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { copyPackage } from './support/copies.mjs'
import { addonIn } from './support/loading.mjs'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../..', import.meta.url))
const { bin, version } = require('../../package.json')
const reinstall = `Run \`npm install --force ipcbridge@${version}\`, or \`npx ipcbridge-build\`, which builds it here.`
const nameOf = file => file.split('/').slice(-2).join('/')

/** The exit code, and what is found by the names of the checks. */
function doctor(command) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, 'doctor', '--json'], { encoding: 'utf8' })
  assert.equal(stderr, '')
  return { status, findings: Object.fromEntries(JSON.parse(stdout).map(finding => [finding.check, finding])) }
}

/** What is wrong with the native module, and what else can be told then. */
function fault(directory) {
  const { status, findings } = doctor(join(directory, bin.ipcbridge))
  const { 'native module': found, platform } = findings
  assert.equal(status, 1)
  assert.equal(found.verdict, 'fault')
  assert.match(platform.found, /^Linux .*-(glibc|musl); the rest cannot be checked$/)
  assert.ok(!JSON.stringify(findings).includes('\\n'), 'a finding has several lines')
  return found
}

test('the doctor tells which versions there are and which addon is loaded', () => {
  const { status, findings } = doctor(join(root, bin.ipcbridge))
  assert.equal(status, 0)
  assert.equal(findings['Node.js'].found.split(',')[0], `Node.js ${process.versions.node}`)
  assert.equal(findings.package.found, `ipcbridge ${version} in ${root.replace(/\/$/, '')}, a checkout`)
  assert.ok(findings['native module'].found.startsWith(`${addonIn(root)}, because this is ${process.platform}-`))
})

test('the command is found through a link, as npm makes it', t => {
  const directory = copyPackage(t)
  const link = join(directory, 'ipcbridge')
  symlinkSync(join(directory, bin.ipcbridge), link)
  assert.equal(doctor(link).findings.package.found, `ipcbridge ${version} in ${directory}`)
  assert.match(readFileSync(join(root, bin.ipcbridge), 'utf8'), /^#!\/usr\/bin\/env node\n/)
})

test('the doctor tells why an addon that is cut off is not loaded', t => {
  const directory = copyPackage(t)
  const file = addonIn(directory)
  truncateSync(file, 5000)
  const { found, remedy } = fault(directory)
  assert.equal(found, `it does not load: the installation is damaged: ${nameOf(file)} is truncated, tried: ${file}`)
  assert.equal(remedy, reinstall)
})

test('the doctor tells that there is no addon', t => {
  const directory = copyPackage(t)
  const file = addonIn(directory)
  rmSync(file)
  const { found, remedy } = fault(directory)
  assert.equal(found, `it does not load: the installation is damaged: ${nameOf(file)} is missing, tried: ${file}`)
  assert.equal(remedy, reinstall)
})

test('the doctor tells of two versions in one package', t => {
  const directory = copyPackage(t)
  const manifest = join(directory, 'package.json')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(`"version": "${version}"`, '"version": "99.0.0"'))
  const { found, remedy } = fault(directory)
  assert.match(found, new RegExp(`the addon is of ipcbridge ${version}, and the package of 99\\.0\\.0`))
  assert.match(remedy, /npm install --force ipcbridge@99\.0\.0/)
})

test('the doctor tells that its code has been copied out of the package', t => {
  const directory = copyPackage(t)
  rmSync(join(directory, 'package.json'))
  const { found, remedy } = fault(directory)
  assert.match(found, /copied out of its package/)
  assert.match(remedy, /esbuild `--external:ipcbridge`/)
})

test('shared modules are in the folder modules beside the addon', t => {
  const directory = copyPackage(t)
  const place = join(dirname(addonIn(directory)), 'modules')
  const look = () => doctor(join(directory, bin.ipcbridge)).findings['shared modules']
  assert.equal(look().found, `none in ${place}`)
  cpSync(join(root, 'build/dev/tests/core/modules/greeting.so'), join(place, 'greeting.so'))
  assert.equal(look().found, `greeting in ${place}`)
  cpSync(join(root, 'build/dev/tests/core/broken_modules/no_module.so'), join(place, 'no_module.so'))
  assert.match(look().found, /no_module\.so is no module of ipcbridge's/)
  assert.deepEqual([look().verdict, look().remedy], ['fault', 'install ipcbridge again'])
})

test('without an argument the command tells its usage', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, bin.ipcbridge)], { encoding: 'utf8' })
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(stderr, /^Usage: npx ipcbridge doctor/)
})

for (const [args, wrong] of [
  [['doctr'], 'unknown command doctr'],
  [['doctor', '--jsno'], 'unknown option --jsno'],
  [['doctor', '--json', 'all'], 'unknown argument all'],
  [['--jsno'], 'unknown option --jsno'],
]) {
  test(`the command says what it does not know of "${args.join(' ')}"`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, bin.ipcbridge), ...args], {
      encoding: 'utf8',
    })
    assert.deepEqual([status, stdout], [2, ''])
    assert.ok(stderr.startsWith(`ipcbridge: ${wrong}\nUsage: npx ipcbridge doctor`), stderr)
  })
}
