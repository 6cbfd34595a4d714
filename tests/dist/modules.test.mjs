// Shared modules in the packages: built, checked and packed like the binaries beside which they are, and opened there.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { findPython, withModule } from './support/packages.mjs'
import { installWheel } from './support/service.mjs'
import { User } from './support/user.mjs'

function opens(report, folder) {
  const { found, verdict } = JSON.parse(report).find(({ check }) => check === 'shared modules')
  assert.deepEqual({ found, verdict }, { found: `greeting in ${folder}`, verdict: 'ok' })
}

test('the npm package brings its modules', async t => {
  const user = new User(t)
  const folder = user.project('app')
  await user.run(folder, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', withModule.tarball)
  const native = join(folder, 'node_modules/ipcbridge/js/native/linux-x64-glibc')
  opens(await user.run(folder, 'node_modules/.bin/ipcbridge', 'doctor', '--json'), join(native, 'modules'))
})

test('the wheel brings its modules', async t => {
  const user = new User(t, [])
  const python = await installWheel(user, findPython(withModule.wheels))
  const ask = 'import ipcbridge; print(ipcbridge.__path__[0])'
  const folder = (await user.run(user.home, python, '-c', ask)).trim()
  opens(await user.run(user.home, python, '-m', 'ipcbridge', 'doctor', '--json'), join(folder, 'modules'))
})
