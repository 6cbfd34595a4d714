import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)
const manifest = require('../../package.json')

test('both module systems load the package by its name, with the same names and the same state', async () => {
  const common = require('ipcbridge')
  const names = Object.keys(common).filter(name => name !== '__esModule')
  assert.ok(names.includes('connect') && names.includes('serve'), `exports: ${names}`)
  const module = await import('ipcbridge')
  // What Node adds to the namespace of a CommonJS module, by version.
  const added = ['default', 'module.exports', '__esModule']
  const imported = Object.keys(module).filter(name => !added.includes(name))
  assert.deepEqual(imported.sort(), names.sort())
  assert.equal(module.connect, common.connect)
  assert.equal(require(root), common)
})

test('the tarball has the binary, the compiled code and its types, what the addon is built from, and nothing else', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
  })
  const paths = JSON.parse(output)[0].files.map(file => file.path)
  const kit = ['js/testing.mjs', 'js/testing.d.mts', 'js/dist/testing/index.js', 'js/dist/testing/index.d.ts']
  for (const wanted of [
    'LICENSE',
    'README.md',
    'js/index.mjs',
    'js/index.d.mts',
    'js/unbundled.mjs',
    'js/dist/index.js',
    'js/dist/index.d.ts',
    ...kit,
  ]) {
    assert.ok(paths.includes(wanted), `${wanted} is missing`)
  }
  assert.ok(
    paths.some(path => /^js\/native\/[^/]+\/ipcbridge\.node$/.test(path)),
    'no binary',
  )
  const headers = ['node-api-headers/include/node_api.h', 'node-addon-api/napi.h']
  const licences = ['node-api-headers/LICENSE', 'node-addon-api/LICENSE.md']
  for (const wanted of [...headers, ...licences])
    assert.ok(paths.includes(`js/headers/${wanted}`), `${wanted} is missing`)
  const allowed = new RegExp(
    [
      '^js/(dist|native|headers)/',
      String.raw`^(bindings/node|core)/(.*\.[ch]pp|CMakeLists\.txt|exports\.map)$`,
      String.raw`^(cmake/[\w-]+\.(cmake|map)|CMakeLists\.txt)$`,
      String.raw`^(js/(index|testing|unbundled)\.mjs|js/(index|testing)\.d\.mts|package\.json|LICENSE|(README|CHANGELOG)\.md)$`,
    ].join('|'),
  )
  assert.deepEqual(
    paths.filter(path => !allowed.test(path)),
    [],
  )
  assert.ok(!paths.includes('binding.gyp'), 'npm would run node-gyp')
})

test('nothing runs at install and only the parser of parameter names is installed besides', () => {
  for (const hook of ['preinstall', 'install', 'postinstall', 'prepare']) {
    assert.equal(manifest.scripts[hook], undefined, `package.json has a ${hook} script`)
  }
  assert.deepEqual(Object.keys(manifest.dependencies), ['acorn'])
})

test('README names the oldest Node.js that package.json does', () => {
  const oldest = manifest.engines.node.replace('>=', '')
  const readme = readFileSync(`${root}README.md`, 'utf8')
  assert.ok(readme.includes(`Node.js ${oldest} or later`), `README.md does not say Node.js ${oldest}`)
  assert.equal(require('../../package-lock.json').packages[''].engines.node, manifest.engines.node)
})

test('the environment variables that are read are documented', () => {
  const options = ['-rhoE', String.raw`(getenv\("|environ(\.get\(|\[)"|process\.env\.)\w+`]
  const read = execFileSync(
    'grep',
    [...options, 'core', 'bindings', 'js/src', 'python/ipcbridge', '--include=*.[cpht]*'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
  const names = new Set(read.match(/\w+$/gm))
  assert.ok(names.has('IPCBRIDGE_DIR'))
  const docs = readdirSync(`${root}docs`)
    .map(page => readFileSync(`${root}docs/${page}`, 'utf8'))
    .join('')
  assert.deepEqual(
    [...names].filter(name => !docs.includes(name)),
    [],
  )
})

test('the lock file names no registry', () => {
  const { packages } = require('../../package-lock.json')
  assert.deepEqual(
    Object.keys(packages).filter(path => packages[path].resolved),
    [],
  )
})

test('the Node and Python packages have the same version', () => {
  const python = execFileSync(
    `${root}/.venv/bin/python`,
    ['-c', 'import importlib.metadata, ipcbridge; print(importlib.metadata.version("ipcbridge"))'],
    { encoding: 'utf8' },
  ).trim()
  assert.equal(python, manifest.version)
  assert.match(readFileSync(`${root}/CHANGELOG.md`, 'utf8'), /^## /m)
})
