// `npx ipcbridge-build`, the remedy for an addon that does not load: from nothing but the package and a compiler.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tarball } from './support/packages.mjs'
import { User } from './support/user.mjs'

const compiler = ['cmake', 'ninja', 'c++', 'as', 'ld', 'ar', 'ranlib', 'nm', 'strip', 'uname']
const program = `
const { serve, connect, close } = require('ipcbridge')
async function main() {
  const server = await serve('unix://' + process.cwd() + '/add.sock', { add: (a, b) => a + b })
  const calc = await connect('unix://' + process.cwd() + '/add.sock')
  console.log(await calc.add(2, 3))
  await close(calc)
  await server.close()
}
main()
`

test('npx ipcbridge-build replaces an addon that is missing', async t => {
  const user = new User(t, ['node', 'npm', 'sh', ...compiler])
  const folder = user.project('app', { 'add.cjs': program })
  await user.run(folder, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tarball)
  rmSync(join(folder, 'node_modules/ipcbridge/js/native'), { recursive: true })
  const { status, stderr } = await user.try(folder, 'node', 'add.cjs')
  assert.equal(status, 1)
  assert.match(stderr, /the installation is damaged: .* or `npx ipcbridge-build`, which builds it here\./s)
  await user.run(folder, 'node_modules/.bin/ipcbridge-build')
  assert.equal(await user.run(folder, 'node', 'add.cjs'), '5\n')
})
