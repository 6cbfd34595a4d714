// What `import ipcbridge` takes above an interpreter that imports nothing.
import { spawnSync } from 'node:child_process'
import { median } from './samples.mjs'

const PROGRAMS = { bare: 'pass', ipcbridge: 'import ipcbridge', aio: 'import ipcbridge.aio' }
const PAUSE_MS = 5

// What pip installs is compiled: nothing may keep Python from using that.
const { PYTHONDONTWRITEBYTECODE: _, ...INSTALLED } = process.env

function milliseconds(python, program) {
  const begin = performance.now()
  const { status, stderr } = spawnSync(python, ['-c', program], { env: INSTALLED })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
  return performance.now() - begin
}

/** The programs take turns, so that whatever slows the machine down slows all of them. */
export async function imports(python, runs) {
  const took = Object.fromEntries(Object.keys(PROGRAMS).map(name => [name, []]))
  for (let run = 0; run <= runs; run++) {
    for (const [name, program] of Object.entries(PROGRAMS)) {
      const time = milliseconds(python, program)
      if (run > 0) took[name].push(time) // the first reads the files
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    }
  }
  const bare = median(took.bare)
  return { imports: { ipcbridge_ms: median(took.ipcbridge) - bare, aio_ms: median(took.aio) - bare } }
}
