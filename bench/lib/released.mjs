// What `make dist` has left in dist, as bench/install.sh installs it, and how long its users take to their first call.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const installed = fileURLToPath(new URL('../.released/', import.meta.url))
const dist = process.env.IPCBRIDGE_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url))

export const RELEASED_PACKAGE = `${installed}node_modules/ipcbridge`

/** Lets the programs of the benchmark load the packages in place of the checkout. */
export const RELEASED_ENV = { BENCH_PACKAGE: RELEASED_PACKAGE, PYTHONPATH: `${installed}python` }

export const missingPackages = () =>
  existsSync(RELEASED_PACKAGE) ? null : 'no packages: make dist, then bench/install.sh'

const SERVICE = `
import ipcbridge as ipc
server = ipc.serve("unix://" + __import__("sys").argv[1], {"add": lambda a, b: a + b})
server.wait()
`
const CALL = `
const { connect, close } = require('ipcbridge')
connect('unix://' + process.argv[2]).then(async calc => {
  if ((await calc.add(2, 3)) !== 5) throw new Error('not 5')
  await close(calc)
})
`

/** From an empty folder and an empty virtual environment to the end of a program that has made a call, in seconds. */
export async function firstCall(python) {
  const package_ = readdirSync(dist).find(name => name.endsWith('.tgz'))
  const folder = mkdtempSync(join(tmpdir(), 'bench-install-'))
  const [venv, socket] = [join(folder, 'venv'), join(folder, 'add.sock')]
  try {
    await run(python, ['-m', 'venv', venv])
    writeFileSync(join(folder, 'service.py'), SERVICE)
    writeFileSync(join(folder, 'call.cjs'), CALL)
    const begin = performance.now()
    const ofVenv = join(venv, 'bin/python')
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', join(dist, package_)], { cwd: folder })
    await run(ofVenv, ['-m', 'pip', 'install', '--no-index', '--no-cache-dir', '--find-links', dist, 'ipcbridge'])
    const service = spawn(ofVenv, ['service.py', socket], { cwd: folder, stdio: 'ignore' })
    try {
      await run(process.execPath, ['call.cjs', socket], { cwd: folder })
    } finally {
      service.kill()
      await once(service, 'exit')
    }
    return { install: { seconds: (performance.now() - begin) / 1000 } }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
