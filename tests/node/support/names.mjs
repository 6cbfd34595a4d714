// A directory of names of this file's own, so that test files neither see nor disturb each other.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const directory = mkdtempSync(join(tmpdir(), 'ipcbridge-test-'))
process.env.IPCBRIDGE_DIR = directory
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

let count = 0

/** A name that no other test uses. */
export function freshName() {
  count++
  return `test-${process.pid}-${count}`
}

/** An address that no other test uses, of one of the transports. */
export function freshAddress(transport) {
  const name = freshName()
  switch (transport) {
    case 'unix':
      return `unix://${directory}/${name}.socket`
    case 'shm':
      return `shm://${directory}/${name}.socket`
    case 'inproc':
      return `inproc://${name}`
    default:
      return name
  }
}

/** Those that reach another process. */
export const transports = ['name', 'shm', 'unix']
