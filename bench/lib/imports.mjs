// What loading the library takes above an interpreter that loads nothing: this checkout's, and what is released.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { missingPackages, RELEASED_ENV, RELEASED_PACKAGE } from './released.mjs'
import { median } from './samples.mjs'

const NODE_PACKAGE = fileURLToPath(new URL('../..', import.meta.url))
const PAUSE_MS = 5

// What pip installs is compiled: nothing may keep Python from using that.
const { PYTHONDONTWRITEBYTECODE: _, ...INSTALLED } = process.env

const requires = folder => `require(${JSON.stringify(folder)})`

function programs(python) {
  const ofPython = (name, program, env = {}) => ({ name, command: python, args: ['-c', program], env })
  const ofNode = (name, program) => ({ name, command: process.execPath, args: ['-e', program], env: {} })
  const own = [
    ofPython('bare', 'pass'),
    ofPython('ipcbridge', 'import ipcbridge'),
    ofPython('aio', 'import ipcbridge.aio'),
    ofNode('node_bare', '0'),
    ofNode('node', requires(NODE_PACKAGE)),
  ]
  if (missingPackages()) return own
  return [
    ...own,
    ofPython('released', 'import ipcbridge', RELEASED_ENV),
    ofNode('node_released', requires(RELEASED_PACKAGE)),
  ]
}

function milliseconds({ command, args, env }) {
  const begin = performance.now()
  const { status, stderr } = spawnSync(command, args, { env: { ...INSTALLED, ...env } })
  if (status !== 0) throw new Error(`${args[1]}: ${stderr}`)
  return performance.now() - begin
}

/** The programs take turns, so that whatever slows the machine down slows all of them. */
export async function imports(python, runs) {
  const all = programs(python)
  const took = Object.fromEntries(all.map(({ name }) => [name, []]))
  for (let run = 0; run <= runs; run++) {
    for (const program of all) {
      const time = milliseconds(program)
      if (run > 0) took[program.name].push(time) // the first reads the files
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    }
  }
  const above = (name, bare) => took[name] && median(took[name]) - median(took[bare])
  return {
    imports: {
      bare_ms: median(took.bare),
      ipcbridge_ms: above('ipcbridge', 'bare'),
      released_ms: above('released', 'bare'),
      aio_ms: above('aio', 'bare'),
      node_bare_ms: median(took.node_bare),
      node_ms: above('node', 'node_bare'),
      node_released_ms: above('node_released', 'node_bare'),
    },
  }
}
