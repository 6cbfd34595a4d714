// Why there may be no addon for a process, and what it says then.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ipc from 'ipcbridge'
import { copyPackage, loadPackage } from './support/copies.mjs'
import { addonIn, canMount, forge, replaceText, said, withMounts } from './support/loading.mjs'
import { freshName } from './support/names.mjs'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../..', import.meta.url))
const machine = dirname(addonIn(root)).split('/').pop()
const other = machine.includes('arm64') ? { arch: 'x64', number: 62 } : { arch: 'arm64', number: 183 }
const isRoot = process.getuid() === 0
const { version } = require('../../package.json')
const permission = ['--permission', '--experimental-permission'].find(option =>
  process.allowedNodeEnvironmentFlags.has(option),
)
const build = /^Run `npx ipcbridge-build`: it builds the addon here, with CMake and a C\+\+20 compiler\.$/m
const reinstall = version =>
  new RegExp(
    `^Run \`npm install --force ipcbridge@${version.replaceAll('.', '\\.')}\`, or \`npx ipcbridge-build\`, which builds it here\\.$`,
    'm',
  )
const damaged = what => new RegExp(`the installation is damaged: ${machine}/ipcbridge\\.node ${what}\\.`)

/** The error tells the cause, the file, the platform and the remedy. */
function assertSays(text, cause, { file, remedy = build }) {
  assert.match(text, /^Error: ipcbridge's native addon does not load: /)
  assert.match(text, cause)
  if (file !== undefined) assert.ok(text.includes(`\n  tried: ${file}\n`), text)
  assert.ok(text.includes(`, Node.js ${process.versions.node} (Node-API `), text)
  assert.match(text, remedy)
}

test('a copy of the package loads', t => {
  assert.equal(said(copyPackage(t)), 'loaded')
})

describe('a file that', () => {
  const forgeries = {
    'is for another processor': [
      bytes => bytes.writeUInt16LE(other.number, 18) && undefined,
      damaged(`is for ${other.arch}, and this is ${process.arch}`),
      reinstall(version),
    ],
    'is for another C library': [
      bytes => replaceText(bytes, /libc\.so\.6/g, 'libc.so'),
      damaged('is for musl, and this Node\\.js runs with glibc'),
      reinstall(version),
    ],
    'is empty': [() => Buffer.alloc(0), damaged('is no ELF binary'), reinstall(version)],
    'is something else': [
      () => Buffer.from('<html>404 Not Found</html>'),
      damaged('is no ELF binary'),
      reinstall(version),
    ],
    'ends in its header': [bytes => bytes.subarray(0, 40), damaged('is truncated'), reinstall(version)],
    'ends in its table of segments': [bytes => bytes.subarray(0, 100), damaged('is truncated'), reinstall(version)],
    'ends in the middle': [bytes => bytes.subarray(0, bytes.length / 2), damaged('is truncated'), reinstall(version)],
    'says that a table lies beyond all files': [
      bytes => bytes.writeBigUInt64LE(2n ** 63n, 32) && undefined,
      damaged('is truncated'),
      reinstall(version),
    ],
    'lacks its last byte': [bytes => bytes.subarray(0, bytes.length - 1), damaged('is truncated'), reinstall(version)],
    'needs a newer glibc': [
      bytes => replaceText(bytes, /GLIBC_2\.\d\d(?=\0)/g, 'GLIBC_2.99'),
      /the binary needs glibc with GLIBC_2\.99, and the one of this system is older\./,
    ],
    'needs a library that is not there': [
      bytes => replaceText(bytes, /libm\.so\.6/g, 'liba.so.6'),
      /the library liba\.so\.6 is missing\./,
    ],
  }
  for (const [what, [change, cause, remedy]] of Object.entries(forgeries)) {
    test(`${what} is not loaded`, t => {
      const directory = copyPackage(t)
      const file = forge(directory, change)
      assertSays(said(directory), cause, { file, remedy })
    })
  }

  test('nobody may read names the user and the command', t => {
    const directory = copyPackage(t)
    chmodSync(directory, 0o755)
    const folder = dirname(addonIn(directory))
    chmodSync(folder, 0)
    const uid = isRoot ? 65534 : process.getuid()
    const remedy = new RegExp(`^As its owner, run \`chmod -R a\\+rX '${directory}'\``, 'm')
    const text = said(directory, isRoot ? { uid, gid: 65534 } : {})
    chmodSync(folder, 0o755) // or it could not be removed
    assertSays(text, new RegExp(`the user with uid ${uid} may not read it\\.`), { remedy })
  })

  test('nothing may be executed from names the mounted folder', { skip: !canMount && 'cannot mount' }, t => {
    const directory = copyPackage(t)
    const native = join(directory, 'js/native')
    const under = withMounts(`cp -r '${native}' '${directory}/kept'
      mount -t tmpfs -o noexec none '${native}'
      cp -r '${directory}/kept/.' '${native}'`)
    const text = said(directory, { under })
    const remedy = new RegExp(
      `^Install the package elsewhere, or, as root, run \`mount -o remount,exec '${native}'\`\\.`,
      'm',
    )
    assertSays(text, new RegExp(`${native} is mounted noexec`), { file: addonIn(directory), remedy })
  })
})

test('a package without a binary that is in each release is damaged', t => {
  const directory = copyPackage(t)
  const file = addonIn(directory)
  rmSync(join(directory, 'js/native'), { recursive: true })
  assertSays(said(directory), damaged('is missing'), { file, remedy: reinstall(version) })
})

test('where releases have no binary for a machine, those that the package has are named, and one is built', t => {
  const { fileFault } = require(join(root, 'js/dist/addon/faults.js'))
  const directory = copyPackage(t)
  const installed = { root: directory, version, isCheckout: false }
  const name = 'linux-arm64-musl'
  const file = join(directory, 'js/native', name, 'ipcbridge.node')
  const find = () => fileFault(file, { platform: 'linux', arch: 'arm64', libc: 'musl' }, installed)
  assert.equal(find().cause, `the package has no binary for ${name}, only for ${machine}`)
  assert.match(find().remedy, build)
  rmSync(join(directory, 'js/native'), { recursive: true })
  assert.equal(find().cause, `the package has no binary for ${name}, nor for any other machine`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, '')
  assert.equal(find().cause, 'the file is no ELF binary')
  assert.match(find().remedy, build)
})

test('the machines whose binaries are in each release are those that releases are built for', () => {
  const { releasedMachines } = require(join(root, 'js/dist/addon/platforms.js'))
  const source = readFileSync(join(root, 'release/machines.py'), 'utf8')
  const built = [...source.matchAll(/^ {4}Machine\("([^"]+)"/gm)].map(([, name]) => name)
  assert.deepEqual(releasedMachines, built)
})

test('a checkout that is not built says how to build it', t => {
  const directory = copyPackage(t)
  writeFileSync(join(directory, 'Makefile'), '')
  rmSync(join(directory, 'js/native'), { recursive: true })
  assertSays(said(directory), /has no binary/, { remedy: /^Run `make build`\.$/m })
})

test('an operating system or a processor that ipcbridge has not been ported to is named', t => {
  const directory = copyPackage(t)
  const pretend = (name, value) => `Object.defineProperty(process, '${name}', { value: '${value}' });`
  const elsewhere = said(directory, { before: pretend('platform', 'win32') })
  assertSays(elsewhere, /runs on Linux, and this is win32\./, { remedy: /^Run the program in Linux: .* in WSL\.$/m })
  const processor = said(directory, { before: pretend('arch', 'mips') })
  assertSays(processor, /has not been ported to mips\./, { remedy: /^Run it on a processor, .* of x64 or arm64\.$/m })
})

test('a Node.js that cannot read the code is told so by what it can read', t => {
  const directory = copyPackage(t)
  const pretend = version =>
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`
  const program = `try { require(process.argv[1]); console.log('loaded') } catch (error) { console.log(error.message) }`
  const loaded = version =>
    execFileSync(process.execPath, ['-e', pretend(version) + program, directory], { encoding: 'utf8' }).trim()
  for (const version of ['14.21.3', '16.8.0']) {
    assert.equal(loaded(version), `ipcbridge needs Node.js 16.9 or later, and this is Node.js ${version}`)
  }
  for (const version of ['16.9.0', '17.0.0', '26.0.0']) assert.equal(loaded(version), 'loaded')
})

test('a Node.js whose Node-API is too old is told so', t => {
  const before = `Object.defineProperty(process, 'versions', { value: { ...process.versions, napi: '7' } });`
  const remedy = /^Install Node\.js 16\.9 or later\.$/m
  assertSays(said(copyPackage(t), { before }), /has Node-API version 7, and ipcbridge needs 8\./, { remedy })
})

test('a Node.js that loads no addons is told so', t => {
  const text = said(copyPackage(t), { nodeOptions: ['--no-addons'] })
  assertSays(text, /this Node\.js loads no addons\./, { remedy: /^Start it without --no-addons; /m })
})

describe('with --permission', { skip: permission === undefined && 'this Node.js has no permissions' }, () => {
  const started = (directory, parts, ...options) => {
    const readable = [...parts.map(part => join(directory, part)), join(root, 'node_modules')]
    return said(directory, {
      nodeOptions: [permission, ...readable.map(path => `--allow-fs-read=${path}`), ...options],
    })
  }
  const remedy = /^Start it .*with --allow-addons, and with --allow-fs-read for the folder node_modules\.$/m

  test('it loads where addons and its own files are allowed', t => {
    assert.equal(started(copyPackage(t), [''], '--allow-addons'), 'loaded')
  })

  test('both options are named where addons are not allowed', t => {
    assertSays(started(copyPackage(t), ['']), /this Node\.js loads no addons\./, { remedy })
  })

  for (const parts of [
    ['package.json', 'js/dist', 'node_modules'],
    ['package.json', 'js/dist', 'node_modules', 'Makefile'],
  ]) {
    test(`both options are named where only ${parts.join(', ')} may be read`, t => {
      const text = started(copyPackage(t), parts, '--allow-addons')
      assertSays(text, /Node\.js permits this program no FileSystemRead access\./, { remedy })
    })
  }
})

test('an addon of another version than the JavaScript is not used', t => {
  const directory = copyPackage(t)
  setVersion(directory, '9.9.9')
  const cause = /the addon is of ipcbridge \d+\.\d+\.\d+, and the package of 9\.9\.9\./
  assertSays(said(directory), cause, {
    remedy: reinstall('9.9.9'),
  })
})

test('two versions in one process call each other', async t => {
  const next = `${version.slice(0, -1)}${(Number(version.at(-1)) + 1) % 10}`
  const directory = copyPackage(t)
  setVersion(directory, next)
  forge(directory, bytes => replaceText(bytes, new RegExp(`${version.replaceAll('.', '\\.')}(?=\\0)`, 'g'), next))
  const newer = loadPackage(directory)
  for (const [serving, calling] of [
    [ipc, newer],
    [newer, ipc],
  ]) {
    const name = freshName()
    const server = await serving.serve(name, { add: (a, b) => a + b })
    const remote = await calling.connect(name)
    assert.equal(await remote.add(2, 3), 5)
    await calling.close(remote)
    await server.close()
  }
})

test('a bundle without the addon says how to leave ipcbridge out of it, and one that does works', t => {
  const directory = mkdtempSync(join(tmpdir(), 'bundle-'))
  t.after(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, 'node_modules'))
  symlinkSync(root, join(directory, 'node_modules/ipcbridge'))
  const entry = join(directory, 'entry.js')
  writeFileSync(entry, "module.exports = require('ipcbridge')\n")
  const bundle = (name, ...options) => {
    const file = join(directory, name, 'index.js')
    const common = [entry, '--bundle', '--platform=node', '--log-level=error', `--outfile=${file}`]
    execFileSync(join(root, 'node_modules/.bin/esbuild'), [...common, ...options])
    return file
  }
  const inside = said(bundle('inside'))
  assertSays(inside, /this code has been copied out of its package, by a bundler/, {
    remedy: /^Mark ipcbridge as external/m,
  })
  assert.equal(said(bundle('outside', '--external:ipcbridge')), 'loaded')

  const module = join(directory, 'module.mjs')
  writeFileSync(module, "import { codes } from 'ipcbridge'\nconsole.log(codes.length)\n")
  const run = (...options) => {
    const common = [module, '--bundle', '--platform=node', '--format=esm', '--log-level=error', `--outdir=${directory}`]
    execFileSync(join(root, 'node_modules/.bin/esbuild'), [...common, '--out-extension:.js=.out.mjs', ...options])
    return spawnSync(process.execPath, [join(directory, 'module.out.mjs')], { encoding: 'utf8' })
  }
  const insideModule = run().stderr
  assert.match(insideModule, /Error: ipcbridge has been put into a bundle, /)
  const [advice] = /^Mark ipcbridge as external .*$/m.exec(inside)
  assert.ok(insideModule.includes(advice), insideModule)
  assert.ok(advice.includes("`externals: { ipcbridge: 'commonjs ipcbridge' }`"), advice)
  assert.ok(advice.includes("where its output is an ES module `'module ipcbridge'`"), advice)
  assert.equal(run('--external:ipcbridge').stdout, '16\n')
})

describe('which C library runs', () => {
  const file = join(root, 'js/dist/addon/machine.js')
  const { libc } = require(file).runningMachine()

  test('is known', () => {
    const { glibcVersionRuntime } = process.report.getReport().header
    assert.equal(libc, glibcVersionRuntime === undefined ? 'musl' : 'glibc')
  })

  test('is known where the executable is started by the dynamic loader', () => {
    const { interpreter } = require(join(root, 'js/dist/addon/elf.js')).readElf(process.execPath)
    const program = 'console.log(require(process.argv[1]).runningMachine().libc)'
    const output = execFileSync(interpreter, [process.execPath, '-e', program, file], { encoding: 'utf8' })
    assert.equal(output.trim(), libc)
  })
})

function setVersion(directory, version) {
  const file = join(directory, 'package.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), version }))
}
