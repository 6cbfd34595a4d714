// The same packages by other installers than npm and pip.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findPython, pythonTools, tarball, tools } from './support/packages.mjs'
import { installWheel, startStock } from './support/service.mjs'
import { User } from './support/user.mjs'

const require = createRequire(import.meta.url)
const { bought } = require('./programs/buy.cjs')
const programs = Object.fromEntries(
  ['buy.cjs', 'buyer.cjs', 'buyer.mjs'].map(name => [
    name,
    readFileSync(new URL(`programs/${name}`, import.meta.url), 'utf8'),
  ]),
)

const berry = ['node', join(tools, '@yarnpkg/cli-dist/bin/yarn.js')]
/** How each adds the package, and how programs are started then; what it wants to find in the folder. */
const installers = {
  pnpm: { command: ['node', join(tools, 'pnpm/bin/pnpm.mjs')] },
  'yarn 1': { command: ['node', join(tools, 'yarn/bin/yarn.js')], source: `file:${tarball}` },
  'yarn with node_modules': {
    command: berry,
    source: `ipcbridge@file:${tarball}`,
    files: { 'yarn.lock': '', '.yarnrc.yml': 'nodeLinker: node-modules\n' },
  },
  "yarn with Plug'n'Play": {
    command: berry,
    start: [...berry, 'node'],
    source: `ipcbridge@file:${tarball}`,
    files: { 'yarn.lock': '', '.yarnrc.yml': 'pnpEnableEsmLoader: true\n' },
  },
  bun: { command: [join(tools, '@oven/bun-linux-x64/bin/bun')] },
}

test('other installers than npm', async t => {
  const user = new User(t, ['node', 'sh'])
  const service = await startStock(user, await installWheel(user))
  for (const [name, { command, start = ['node'], source = tarball, files }] of Object.entries(installers)) {
    await t.test(`${name} installs what a Python service can be called by`, async () => {
      const project = { 'package.json': { name: 'app', private: true }, ...files, ...programs }
      const folder = user.project(name.replaceAll(/\W+/g, '-'), project)
      await user.run(folder, ...command, 'add', source)
      for (const program of ['buyer.cjs', 'buyer.mjs']) {
        const output = await user.run(folder, ...start, program, service)
        assert.deepEqual(JSON.parse(output), { bought, kit: 'function' }, program)
      }
    })
  }
})

test('uv installs the wheel, into an environment and into a project', async t => {
  const { python, wheel } = findPython()
  const [, minor] = /-cp3(\d+)-/.exec(wheel)
  const user = new User(t, [])
  user.env.UV_PYTHON_DOWNLOADS = 'never'
  const uv = join(pythonTools, 'uv')
  const buyer = fileURLToPath(new URL('programs/buyer.py', import.meta.url))

  const environment = user.project('environment')
  await user.run(environment, uv, 'venv', '--python', python)
  await user.run(environment, uv, 'pip', 'install', wheel)
  const service = await startStock(user, join(environment, '.venv/bin/python'))

  const pyproject = `[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.${minor}"\ndependencies = []\n`
  const project = user.project('project', { 'pyproject.toml': pyproject })
  await user.run(project, uv, 'add', '--python', python, wheel)
  const output = await user.run(project, uv, 'run', 'python', buyer, service)
  assert.deepEqual(JSON.parse(output), { bought, found: 'axe,saw' })
})
