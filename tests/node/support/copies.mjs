// Further copies of the library in one process.

import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The JavaScript loaded anew over the addon that is loaded already, as a module registry like Jest's does. */
export function loadAgain() {
  const dist = join(dirname(require.resolve('ipcbridge')), '/')
  for (const file of Object.keys(require.cache)) if (file.startsWith(dist)) delete require.cache[file]
  return require('ipcbridge')
}

/** A directory that holds the whole package once more, addon included, as npm installs it for another version. */
export function copyPackage(t) {
  const directory = mkdtempSync(join(tmpdir(), 'ipcbridge-copy-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  for (const part of ['package.json', 'js/dist', 'js/native', 'js/index.mjs', 'js/unbundled.mjs']) {
    cpSync(join(root, part), join(directory, part), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  return directory
}

export function loadPackage(directory) {
  return require(directory)
}
