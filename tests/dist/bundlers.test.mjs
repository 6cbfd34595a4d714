// Bundles that leave ipcbridge out call a Python service; those that have it inside say what to set.
import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import esbuild from 'esbuild'
import { build as buildByVite } from 'vite'
import webpack from 'webpack'
import { copyPackages, nextApp } from './support/next_app.mjs'
import { tarball } from './support/packages.mjs'
import { installWheel, startStock } from './support/service.mjs'
import { User } from './support/user.mjs'

const require = createRequire(import.meta.url)
const { bought } = require('./programs/buy.cjs')
const program = name => readFileSync(new URL(`programs/${name}`, import.meta.url), 'utf8')

const report = 'bought => console.log(JSON.stringify(bought))'
const sources = {
  'buy.cjs': program('buy.cjs'),
  'entry.mjs': `import * as ipc from 'ipcbridge'\nimport { buy } from './buy.cjs'\nbuy(ipc, process.argv[2]).then(${report})\n`,
  'entry.cjs': `const { buy } = require('./buy.cjs')\nbuy(require('ipcbridge'), process.argv[2]).then(${report})\n`,
}
const advice =
  /Mark (it|ipcbridge) as external and install it beside the bundle: esbuild `--external:ipcbridge`; webpack .*; Vite .*; Next\.js /

let user
let folder
let service
const cleanUp = []
before(async () => {
  user = new User({ after: work => cleanUp.push(work) })
  service = await startStock(user, await installWheel(user))
  folder = user.project('app', { 'package.json': { private: true }, ...sources })
  await user.run(folder, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tarball)
})
after(async () => {
  for (const work of cleanUp) await work()
})

async function works(file) {
  assert.deepEqual(JSON.parse(await user.run(folder, 'node', file, service)), bought, file)
}

async function advises(file) {
  const { status, stderr } = await user.try(folder, 'node', file, service)
  assert.match(stderr, advice, file)
  assert.equal(status, 1, file)
}

const formats = { esm: 'mjs', cjs: 'cjs' }

async function bundleByEsbuild(format, external) {
  const outfile = join(folder, `esbuild-${external.length}.${formats[format]}`)
  const entryPoints = [join(folder, `entry.${formats[format]}`)]
  await esbuild.build({ entryPoints, outfile, format, external, bundle: true, platform: 'node', logLevel: 'error' })
  return outfile
}

test('esbuild: with --external:ipcbridge a bundle works, without it says so', async () => {
  for (const format of Object.keys(formats)) {
    await works(await bundleByEsbuild(format, ['ipcbridge']))
    await advises(await bundleByEsbuild(format, []))
  }
})

async function bundleByWebpack(format, externals) {
  const isModule = format === 'esm'
  const filename = `webpack-${Object.keys(externals).length}.${formats[format]}`
  const stats = await promisify(webpack)({
    context: folder,
    mode: 'production',
    optimization: { minimize: false }, // Node.js shows the whole line in which an error was thrown
    target: 'node',
    entry: `./entry.${formats[format]}`,
    experiments: { outputModule: isModule },
    output: { path: folder, filename, module: isModule },
    externals,
  })
  assert.ok(!stats.hasErrors(), stats.toString())
  return join(folder, filename)
}

test('webpack: with the package among externals a bundle works, without it says so', async () => {
  await works(await bundleByWebpack('cjs', { ipcbridge: 'commonjs ipcbridge' }))
  await works(await bundleByWebpack('esm', { ipcbridge: 'module ipcbridge' }))
  for (const format of Object.keys(formats)) await advises(await bundleByWebpack(format, {}))
})

async function bundleByVite(outDir, ssr) {
  const build = { ssr: 'entry.mjs', outDir }
  await buildByVite({ root: folder, configFile: false, logLevel: 'error', build, ssr })
  return join(folder, outDir, 'entry.mjs')
}

test('Vite, for SSR: with ssr.external a bundle works, also by default; where all is put inside, it says so', async () => {
  await works(await bundleByVite('vite-default', {}))
  await works(await bundleByVite('vite-external', { noExternal: true, external: ['ipcbridge'] }))
  await advises(await bundleByVite('vite-inside', { noExternal: true }))
})

/** Builds the program of support/next_app.mjs; `ask` gives what its route answers, and what it has said. */
async function buildByNext(name, settings) {
  const app = user.project(name, { ...nextApp, 'buy.cjs': sources['buy.cjs'], 'next.config.js': settings })
  cpSync(join(folder, 'node_modules'), join(app, 'node_modules'), { recursive: true })
  copyPackages(app, ['next', 'react', 'react-dom'])
  user.own(app)
  const cli = 'node_modules/next/dist/bin/next'
  await user.run(app, 'node', cli, 'build')
  return { app, cli }
}

async function ask(directory, ...args) {
  const server = user.start(directory, 'node', ...args)
  let said = ''
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      said += text
    })
  }
  const lines = createInterface({ input: server.stdout })
  for await (const line of lines) if (/Ready/.test(line)) break
  const [, origin] = /(http:\/\/127\.0\.0\.1:\d+)/.exec(said)
  const answer = await fetch(`${origin}/buy?service=${service}`)
  const body = await answer.text()
  server.kill('SIGTERM')
  await server.ended
  return { body, said }
}

test('Next.js: with serverExternalPackages a route works, also where a standalone server is made', async () => {
  const settings = "module.exports = { serverExternalPackages: ['ipcbridge'], output: 'standalone' }"
  const { app, cli } = await buildByNext('next', settings)
  for (const args of [[cli, 'start', '-p', '0', '-H', '127.0.0.1'], ['.next/standalone/server.js']]) {
    const { body, said } = await ask(app, ...args)
    assert.deepEqual(JSON.parse(body), bought, said)
  }
})

test('Next.js: without, the error says so', async () => {
  const { app, cli } = await buildByNext('next-inside', 'module.exports = {}')
  const { said } = await ask(app, cli, 'start', '-p', '0', '-H', '127.0.0.1')
  assert.match(said, advice)
})
