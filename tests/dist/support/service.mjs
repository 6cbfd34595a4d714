// A service in Python, from the wheel.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { findPython } from './packages.mjs'

const program = fileURLToPath(new URL('../programs/stock.py', import.meta.url))

/** Installs the wheel into an empty virtual environment; gives its Python. */
export async function installWheel(user, { python, wheel } = findPython()) {
  const folder = user.project('venv')
  await user.run(folder, python, '-m', 'venv', folder)
  const pip = ['-m', 'pip', 'install', '--no-index', '--no-cache-dir', '--disable-pip-version-check', wheel]
  await user.run(folder, `${folder}/bin/python`, ...pip)
  return `${folder}/bin/python`
}

/** Starts programs/stock.py; gives the name of the service. */
export async function startStock(user, python) {
  const name = `stock-${randomBytes(4).toString('hex')}`
  const child = user.start(user.home, python, program, name)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const ready = once(child.stdout, 'data')
  const died = child.ended.then(([code]) => {
    throw new Error(`the service ended with ${code}:\n${stderr}`)
  })
  died.catch(() => {})
  await Promise.race([ready, died])
  return name
}
