import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'

const require = createRequire(import.meta.url)

test('import and require give the same module', async () => {
  const names = await import('ipcbridge')
  const required = require('ipcbridge')
  assert.equal(names.default, required)
  for (const name of Object.keys(required)) assert.equal(names[name], required[name], name)
})

test('the public names are these', () => {
  assert.deepEqual(
    Object.keys(require('ipcbridge')).sort(),
    [
      'Call',
      'IpcError',
      'NDArray',
      'RemoteError',
      'Server',
      'Stream',
      'alloc',
      'call',
      'close',
      'closeOnSignals',
      'codes',
      'connect',
      'context',
      'describe',
      'fanOut',
      'float',
      'getAttribute',
      'kwargs',
      'localDateTime',
      'method',
      'notify',
      'onState',
      'proxy',
      'registerError',
      'release',
      'retain',
      'serve',
      'setAttribute',
      'status',
      'stream',
      'sync',
      'withOptions',
    ].sort(),
  )
})

test('requiring the module neither loads the addon nor starts anything', () => {
  const { execFileSync } = require('node:child_process')
  const program = `require('ipcbridge'); console.log(Object.keys(require.cache).some(file => file.endsWith('.node')))`
  const output = execFileSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    cwd: new URL('.', import.meta.url),
  })
  assert.equal(output.trim(), 'false')
})

test('requiring the module loads one file besides the entry, and no module that takes long', () => {
  const { execFileSync } = require('node:child_process')
  const program = `
    const before = new Set(process.moduleLoadList)
    require('ipcbridge')
    const files = Object.keys(require.cache).map(file => file.split('/').slice(-2).join('/'))
    const modules = process.moduleLoadList.filter(each => !before.has(each)).map(each => each.split(' ').pop())
    console.log(JSON.stringify({ files, modules }))`
  const cwd = new URL('.', import.meta.url)
  const { files, modules } = JSON.parse(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8', cwd }))
  assert.deepEqual(files, ['dist/index.js', 'dist/library.js'])
  const heavy = [
    'child_process',
    'cluster',
    'crypto',
    'dgram',
    'dns',
    'fs/promises',
    'http',
    'http2',
    'https',
    'inspector',
  ]
  heavy.push('net', 'perf_hooks', 'readline', 'stream', 'tls', 'tty', 'v8', 'vm', 'worker_threads', 'zlib')
  assert.deepEqual(
    modules.filter(name => heavy.includes(name)),
    [],
  )
})
