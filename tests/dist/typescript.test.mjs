// What TypeScript makes of the npm package, in the strictest settings, and what then runs.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { tarball, tools } from './support/packages.mjs'
import { installWheel, startStock } from './support/service.mjs'
import { User } from './support/user.mjs'

const require = createRequire(import.meta.url)
const { bought } = require('./programs/buy.cjs')
const source = readFileSync(new URL('programs/buyer.ts', import.meta.url), 'utf8')

const strict = {
  target: 'es2022',
  outDir: 'out',
  rootDir: '.',
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  skipLibCheck: false,
}
// Of each: the type of the package that uses ipcbridge, and its settings. Older settings than these are gone from TypeScript 7.
const node16 = { module: 'node16' }
const bundler = { module: 'esnext', moduleResolution: 'bundler' }
const preserve = { module: 'preserve' }
const node10 = { module: 'commonjs', moduleResolution: 'node10', esModuleInterop: true, verbatimModuleSyntax: false }
const commonjs = { ...node16, verbatimModuleSyntax: false }
const users = {
  'node16, ES modules': ['module', node16],
  'node16, CommonJS': ['commonjs', commonjs],
  nodenext: ['module', { module: 'nodenext' }],
  'esnext for a bundler': ['module', bundler],
}
const compilers = {
  'TypeScript 5.2': ['typescript-oldest', 'types-node-oldest', { ...users, 'node10, CommonJS': ['commonjs', node10] }],
  'the current TypeScript': ['typescript', '@types/node', { ...users, preserve: ['module', preserve] }],
}

for (const [title, [compiler, types, each]] of Object.entries(compilers)) {
  test(title, async t => {
    const user = new User(t)
    const service = await startStock(user, await installWheel(user))
    const top = user.project('.', { 'package.json': {} })
    await user.run(top, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tarball)
    addTypes(user, types)

    for (const [settings, [type, options]] of Object.entries(each)) {
      await t.test(`compiles a user's program with module: ${settings}, which then runs`, async () => {
        const compilerOptions = { ...strict, ...options }
        const project = { 'package.json': { type }, 'tsconfig.json': { compilerOptions }, 'buyer.ts': source }
        const folder = user.project(settings.replaceAll(/\W+/g, '-'), project)
        await user.run(folder, 'node', join(tools, compiler, 'bin/tsc'))
        assert.deepEqual(JSON.parse(await user.run(folder, 'node', 'out/buyer.js', service)), {
          bought,
          kit: 'function',
        })
      })
    }
  })
}

test('without the types of Node.js the current TypeScript says that they are missing', async t => {
  const user = new User(t)
  const files = { 'package.json': { type: 'module' }, 'tsconfig.json': { compilerOptions: { ...strict, ...node16 } } }
  const folder = user.project('app', { ...files, 'buyer.ts': source })
  await user.run(folder, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tarball)
  const { status, stdout } = await user.try(folder, 'node', join(tools, 'typescript/bin/tsc'))
  assert.notEqual(status, 0)
  assert.match(stdout, /ipcbridge\/js\/dist\/index\.d\.ts.*Cannot find type definition file for 'node'/)
  assert.match(stdout, /Try `npm i --save-dev @types\/node`/)
})

function addTypes(user, types) {
  const folder = join(user.home, 'node_modules/@types')
  mkdirSync(folder, { recursive: true })
  cpSync(join(tools, types), join(folder, 'node'), { recursive: true })
  const undici = join(tools, types === '@types/node' ? 'undici-types' : `${types}/node_modules/undici-types`)
  cpSync(undici, join(user.home, 'node_modules/undici-types'), { recursive: true })
}
