// The packages under test, as `make dist` leaves them.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asUser } from './user.mjs'

export const root = fileURLToPath(new URL('../../..', import.meta.url))
export const dist = resolve(root, process.env.IPCBRIDGE_DIST ?? 'dist')
/** The tools with which the tests install and build. */
export const tools = fileURLToPath(new URL('../node_modules', import.meta.url))
export const pythonTools = join(root, 'build/dist-tools/bin')

function all(folder, pattern, what) {
  const files = existsSync(folder) ? readdirSync(folder).sort() : []
  const found = files.filter(name => pattern.test(name)).map(name => join(folder, name))
  if (found.length === 0) throw new Error(`no ${what} in ${folder}: run \`make dist\``)
  return found
}

function packagesIn(folder) {
  const [tarball] = all(folder, /^ipcbridge-[^-]+\.tgz$/, 'npm package')
  const [sdist] = all(folder, /^ipcbridge-[^-]+\.tar\.gz$/, 'sdist')
  return { tarball, sdist, wheels: all(folder, /^ipcbridge-.*\.whl$/, 'wheel') }
}

const released = packagesIn(dist)
export const { tarball, sdist, wheels } = released
/** The same with a shared module of the tests. */
export const withModule = packagesIn(join(root, 'build/with-module'))

const describe = 'import json, sys, ensurepip; print(json.dumps(["cp%d%d" % sys.version_info[:2], sys.executable]))'

/** A Python that an ordinary user may start, and its wheel. */
export function findPython(wheels = released.wheels) {
  const folders = ['/usr/bin', '/usr/local/bin', ...process.env.PATH.split(delimiter)]
  for (const wheel of wheels.toReversed()) {
    const [, tag, major, minor] = /-(cp(\d)(\d+))-cp\d+-(?:many)?linux[^-]*x86_64\.whl$/.exec(wheel) ?? []
    if (tag === undefined) continue
    for (const folder of folders) {
      try {
        const python = join(folder, `python${major}.${minor}`)
        const [found, executable] = JSON.parse(execFileSync(python, ['-c', describe], asUser({ stdio: 'pipe' })))
        if (found === tag) return { python: executable, wheel }
      } catch {} // not there, without venv, or not to be read
    }
  }
  throw new Error(`none of the wheels in ${dist} is for a Python with venv that any user may start`)
}
