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

const files = existsSync(dist) ? readdirSync(dist).sort() : []

function all(pattern, what) {
  const found = files.filter(name => pattern.test(name)).map(name => join(dist, name))
  if (found.length === 0) throw new Error(`no ${what} in ${dist}: run \`make dist\``)
  return found
}

export const [tarball] = all(/^ipcbridge-[^-]+\.tgz$/, 'npm package')
export const [sdist] = all(/^ipcbridge-[^-]+\.tar\.gz$/, 'sdist')
export const wheels = all(/^ipcbridge-.*\.whl$/, 'wheel')

const describe = 'import json, sys, ensurepip; print(json.dumps(["cp%d%d" % sys.version_info[:2], sys.executable]))'

/** A Python that an ordinary user may start, and its wheel. */
export function findPython() {
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
