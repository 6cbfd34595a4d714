// Python called from Node.js and Node.js called from Python, and how long a call takes. Run by `make demo`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as ipc from 'ipcbridge'
import { marked } from 'marked'
import { connectJson, serveJson } from './json_socket.mjs'
import { rows } from './table.mjs'

const rounds = 3
const count = 4000

const directory = mkdtempSync(join(tmpdir(), 'ipcbridge-demo-'))
process.env.IPCBRIDGE_DIR = directory
const children = []
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

const venvPython = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url))
const python = process.env.PYTHON ?? (existsSync(venvPython) ? venvPython : 'python3')

/** A Python program of this folder, and the lines that it prints. */
function run(program, ...args) {
  const path = fileURLToPath(new URL(program, import.meta.url))
  const child = spawn(python, [path, ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  child.on('exit', code => {
    if (!child.killed && code !== 0) fail(`${program} ended with ${code}`)
  })
  return { child, lines: createInterface({ input: child.stdout }) }
}

function fail(message) {
  console.error(`demo: ${message}`)
  process.exit(1)
}

async function measure(call, calls) {
  const times = new Array(calls)
  for (let i = 0; i < calls; i++) {
    const start = performance.now()
    const result = await call(i, 1)
    times[i] = (performance.now() - start) * 1000
    if (result !== i + 1) fail('a wrong answer')
  }
  return times
}

async function nodeCallsPython() {
  const socket = join(directory, 'python.json')
  const { child, lines } = run('service.py', socket)
  await once(lines, 'line')
  const python = await ipc.connect('demo-python')
  const show = (call, result) => console.log(`  ${call.padEnd(36)}${result}`)

  console.log('Node.js calls Python')
  show('await python.add(2, 3)', await python.add(2, 3))
  const described = await python.describe([1, 2, 6], ipc.kwargs({ unit: 'km' }))
  show('await python.describe([1, 2, 6], …)', JSON.stringify(described))
  await python.divide(1, 0).catch(error => show('await python.divide(1, 0)', `throws ${error.type}: ${error.message}`))

  const times = { ipcbridge: [], json: [] }
  const json = connectJson(socket)
  for (const call of [python.add, json.call]) await measure(call, count)
  for (let round = 0; round < rounds; round++) {
    times.ipcbridge.push(...(await measure(python.add, 2 * count)))
    times.json.push(...(await measure(json.call, count)))
  }
  const { transport } = ipc.status(python)
  json.close()
  await ipc.close(python)
  child.stdin.end()
  await once(child, 'exit')
  return rows('Node.js -> Python', transport, times)
}

async function pythonCallsNode() {
  const socket = join(directory, 'node.json')
  const add = (a, b = 0) => a + b
  const functions = { add, markdown: text => marked.parse(text), parse: text => JSON.parse(text) }
  const server = await ipc.serve('demo-node', functions, { onError: () => {} })
  const jsonServer = await serveJson(socket, add)

  console.log('\nPython calls Node.js')
  const { child, lines } = run('client.py', socket, rounds, count)
  const ended = once(child, 'exit')
  let measured
  for await (const line of lines) {
    if (line.startsWith('{')) measured = JSON.parse(line)
    else console.log(line)
  }
  await ended
  jsonServer.close()
  await server.close()
  return rows('Python -> Node.js', measured.transport, measured.times)
}

const tables = [await nodeCallsPython(), await pythonCallsNode()]
console.log(`\nOne call in flight, after warm-up, ${cpus().length} CPUs\n`)
console.log(tables.map(lines => lines.join('\n')).join('\n\n'))
