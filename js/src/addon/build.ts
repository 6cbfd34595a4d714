#!/usr/bin/env node
// `npx ipcbridge-build`: compiles the addon from the sources in this package, and puts it where the loader looks.

import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { machineFault } from './faults'
import { loadAddon } from './load'
import { machineName, runningMachine } from './machine'
import { addonFile, installedPackage } from './package'

/** In plain words, what keeps the addon from being built. */
class Refusal extends Error {}

const leastCmake = [3, 25] as const

/** Needs what the sources need of the standard library. */
const newProgram = '#include <concepts>\n#include <span>\n#include <stop_token>\nint main() {}\n'

function build(): void {
  const root = installedPackage()?.root
  const machine = runningMachine()
  const unfit = machineFault(machine)
  if (root === undefined) throw new Refusal('Run it from the folder into which npm has installed ipcbridge.')
  if (unfit !== undefined) throw new Refusal(`${unfit.cause}. ${unfit.remedy}`)
  checkCmake()
  const generator = chooseGenerator()
  checkCompiler()
  const staged = prepareFolder(join(root, 'js', 'native'))
  const work = mkdtempSync(join(tmpdir(), 'ipcbridge-build-'))
  try {
    const built = compile(root, work, generator)
    const name = machine.libc === undefined ? built.machine : machineName(machine)
    const file = addonFile(root, name)
    // Renamed into its place: whoever has loaded the one before goes on with that.
    const fresh = join(staged, 'addon')
    copyFileSync(built.file, fresh)
    mkdirSync(dirname(file), { recursive: true })
    renameSync(fresh, file)
    loadAddon()
    tell(`built ${file}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
    rmSync(staged, { recursive: true, force: true })
  }
}

function checkCmake(): void {
  const wanted = `CMake ${leastCmake.join('.')} or later`
  const how = 'install it from your distribution, or by `pip install cmake`'
  const { stdout, status } = run('cmake', ['--version'])
  if (status === null) throw new Refusal(`${wanted} is needed and there is no cmake on PATH: ${how}.`)
  const [version, major, minor] = /(\d+)\.(\d+)[.\d]*/.exec(stdout) ?? ['of an unknown version', 0, 0]
  const isNewer = Number(major) > leastCmake[0]
  if (isNewer || (Number(major) === leastCmake[0] && Number(minor) >= leastCmake[1])) return
  throw new Refusal(`${wanted} is needed and the cmake on PATH is ${version}: ${how}.`)
}

/** Of what CMake generates files for. */
function chooseGenerator(): string {
  if (run('ninja', ['--version']).status === 0) return 'Ninja'
  if (run('make', ['--version']).status === 0) return 'Unix Makefiles'
  throw new Refusal('Neither ninja nor make is on PATH: install one of them from your distribution.')
}

function checkCompiler(): void {
  const given = process.env.CXX
  const candidates = given === undefined || given === '' ? ['c++', 'g++', 'clang++'] : [given]
  const how = 'install GCC 11 or later, or Clang 14 or later, or name one in the environment variable CXX'
  for (const compiler of candidates) {
    const [command = '', ...flags] = compiler.trim().split(/\s+/)
    const { status } = run(command, [...flags, '-std=c++20', '-fsyntax-only', '-x', 'c++', '-'], newProgram)
    if (status === null) continue
    if (status === 0) return
    throw new Refusal(`A C++20 compiler is needed and ${compiler} is none: ${how}.`)
  }
  throw new Refusal(`A C++20 compiler is needed and ${candidates.join(', ')} cannot be started: ${how}.`)
}

/** A folder on the same file system, to rename from; it finds out now whether anything can be written there. */
function prepareFolder(native: string): string {
  try {
    mkdirSync(native, { recursive: true })
    return mkdtempSync(join(native, '.build-'))
  } catch (error) {
    const { message } = error as Error
    throw new Refusal(
      `The addon cannot be put into ${native} (${message}): run this as the user who has installed the package, ` +
        'on a file system that can be written to.',
    )
  }
}

function compile(root: string, work: string, generator: string): { file: string; machine: string } {
  const options = { BUILD_NODE: 'ON', BUILD_TESTS: 'OFF', BUILD_EXAMPLES: 'OFF' }
  const definitions = Object.entries(options).map(([name, value]) => `-DIPCBRIDGE_${name}=${value}`)
  const tree = join(work, 'tree')
  const parallel = String(availableParallelism?.() ?? cpus().length)
  const prefix = join(work, 'out')
  cmake('configures', '-S', root, '-B', tree, '-G', generator, '-DCMAKE_BUILD_TYPE=Release', ...definitions)
  cmake('builds', '--build', tree, '--target', 'ipcbridge_node', '--parallel', parallel)
  cmake('installs', '--install', tree, '--component', 'node', '--strip', '--prefix', prefix)
  const [machine = ''] = readdirSync(join(prefix, 'js', 'native'))
  return { file: addonFile(prefix, machine), machine }
}

function cmake(what: string, ...args: string[]): void {
  tell(`${what}: cmake ${args.join(' ')}`)
  const { status, signal } = spawnSync('cmake', args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status === 0) return
  throw new Refusal(`cmake ended with ${signal ?? status}: what it says above is why.`)
}

function run(command: string, args: readonly string[], input = ''): SpawnSyncReturns<string> {
  return spawnSync(command, args, { encoding: 'utf8', input })
}

function tell(line: string): void {
  process.stdout.write(`ipcbridge-build: ${line}\n`)
}

try {
  build()
} catch (error) {
  process.stderr.write(`ipcbridge-build: ${error instanceof Refusal ? error.message : String(error)}\n`)
  process.exitCode = 1
}
