// The npm package, installed as a user does who has nothing but Node.js.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { tarball } from './support/packages.mjs'
import { installWheel, startStock } from './support/service.mjs'
import { User } from './support/user.mjs'

const require = createRequire(import.meta.url)
const { bought } = require('./programs/buy.cjs')
const program = name => readFileSync(new URL(`programs/${name}`, import.meta.url), 'utf8')

test('the npm package in an empty folder, of an ordinary user without compiler, cmake or headers', async t => {
  const user = new User(t)
  const service = await startStock(user, await installWheel(user))
  const programs = ['buy.cjs', 'buyer.cjs', 'buyer.mjs']
  const folder = user.project('app', Object.fromEntries(programs.map(name => [name, program(name)])))
  await user.run(folder, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tarball)

  for (const [system, file] of [
    ['CommonJS', 'buyer.cjs'],
    ['ES modules', 'buyer.mjs'],
  ]) {
    await t.test(`serves a program in ${system} that calls a Python service`, async () => {
      const output = await user.run(folder, 'node', file, service)
      assert.deepEqual(JSON.parse(output), { bought, kit: 'function' })
    })
  }

  await t.test('has a doctor who finds nothing wrong with it', async () => {
    const { status, stdout, stderr } = await user.try(folder, 'node_modules/.bin/ipcbridge', 'doctor')
    assert.equal(status, 0, stdout + stderr)
  })

  await t.test('asks for what is missing when it shall build the addon', async () => {
    const { status, stderr } = await user.try(folder, 'node_modules/.bin/ipcbridge-build')
    assert.equal(status, 1)
    assert.match(stderr, /^ipcbridge-build: CMake 3\.25 or later is needed and there is no cmake on PATH/)
  })
})
