// What a copy of the package says when its addon is to be loaded.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The file of the addon in a copy of the package. */
export function addonIn(directory) {
  const native = join(directory, 'js/native')
  return join(native, readdirSync(native)[0], 'ipcbridge.node')
}

/** Changes the bytes of a copy's addon. */
export function forge(directory, change) {
  const file = addonIn(directory)
  const bytes = readFileSync(file)
  writeFileSync(file, change(bytes) ?? bytes)
  return file
}

/** Puts other text of the same length in the place of each text that matches. */
export function replaceText(bytes, pattern, text) {
  const found = [...bytes.toString('latin1').matchAll(pattern)]
  if (found.length === 0) throw new Error(`the addon does not hold ${pattern}`)
  for (const match of found) bytes.write(text.padEnd(match[0].length, '\0'), match.index, 'latin1')
}

const isRoot = process.getuid() === 0
const namespace = ['unshare', '--mount', ...(isRoot ? [] : ['--map-root-user'])]
export const canMount = spawnSync(namespace[0], [...namespace.slice(1), 'true']).status === 0

/** A command that runs the one after it where the script of the shell has mounted what it likes, for that one alone. */
export function withMounts(script) {
  return [...namespace, 'sh', '-ec', `${script}\nexec "$@"`, 'sh']
}

/** The same where nothing can be written into that directory. */
export function readOnly(directory) {
  return withMounts(`mount --bind '${directory}' '${directory}'\nmount -o remount,bind,ro '${directory}'`)
}

const program = `
  require(process.argv[1]).serve('never', { method() {} }).then(
    server => { console.log('loaded'); return server.close() },
    error => console.log(error.name + ': ' + error.message))`

/** What a process says that serves with that copy: 'loaded', or the error. `before` runs first. */
export function said(directory, { before = '', nodeOptions = [], under = [], ...options } = {}) {
  const [command, ...args] = [...under, process.execPath, ...nodeOptions, '-e', before + program, directory]
  const { stdout, stderr, status, signal } = spawnSync(command, args, { encoding: 'utf8', cwd: '/', ...options })
  if (status !== 0) throw new Error(`${command} ended (${signal ?? status}): ${stderr}`)
  return stdout.trim()
}
