// What loading the library takes above an interpreter that loads nothing.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median } from './samples.mjs'

const NODE_PACKAGE = fileURLToPath(new URL('../..', import.meta.url))
const PYTHON_PROGRAMS = { bare: 'pass', ipcbridge: 'import ipcbridge', aio: 'import ipcbridge.aio' }
const NODE_PROGRAMS = { node_bare: '0', node_ipcbridge: `require(${JSON.stringify(NODE_PACKAGE)})` }
const PAUSE_MS = 5

// What pip installs is compiled: nothing may keep Python from using that.
const { PYTHONDONTWRITEBYTECODE: _, ...INSTALLED } = process.env

function milliseconds(command, args) {
  const begin = performance.now()
  const { status, stderr } = spawnSync(command, args, { env: INSTALLED })
  if (status !== 0) throw new Error(`${args[1]}: ${stderr}`)
  return performance.now() - begin
}

/** The programs take turns, so that whatever slows the machine down slows all of them. */
export async function imports(python, runs) {
  const programs = [
    ...Object.entries(PYTHON_PROGRAMS).map(([name, program]) => [name, python, ['-c', program]]),
    ...Object.entries(NODE_PROGRAMS).map(([name, program]) => [name, process.execPath, ['-e', program]]),
  ]
  const took = Object.fromEntries(programs.map(([name]) => [name, []]))
  for (let run = 0; run <= runs; run++) {
    for (const [name, command, args] of programs) {
      const time = milliseconds(command, args)
      if (run > 0) took[name].push(time) // the first reads the files
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    }
  }
  const [bare, nodeBare] = [median(took.bare), median(took.node_bare)]
  return {
    imports: {
      bare_ms: bare,
      ipcbridge_ms: median(took.ipcbridge) - bare,
      aio_ms: median(took.aio) - bare,
      node_bare_ms: nodeBare,
      node_ms: median(took.node_ipcbridge) - nodeBare,
    },
  }
}
