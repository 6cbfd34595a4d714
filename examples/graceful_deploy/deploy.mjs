// Deploys three versions of a service, the second of them in Python, while somebody calls it all the time: no call fails, and a
// stream that has begun comes to its end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import ipc from 'ipcbridge'

const commands = {
  v1: [process.execPath, 'service.mjs'],
  v2: [process.env.PYTHON ?? 'python3', 'service.py'],
  v3: [process.execPath, 'service.mjs'],
}

/** Starts a version; resolves when it serves. */
async function start(version) {
  const [program, file] = commands[version]
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(program, [path, version], { stdio: ['ignore', 'pipe', 'inherit'] })
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${version} ended with ${code}`))),
  ])
  return child
}

/** Ends it in good order. */
async function stop(child) {
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`it ended with ${code}`)
}

let running = await start('v1')
const renderer = await ipc.connect('renderer')
const seen = new Map()
let failed = 0
let isOver = false

async function call() {
  while (!isOver) {
    try {
      const version = (await renderer.render('page')).split(' ').at(-1)
      seen.set(version, (seen.get(version) ?? 0) + 1)
    } catch (error) {
      failed++
      console.error(error)
    }
  }
}

async function read() {
  let lines = 0
  for await (const _ of renderer.log(50)) lines++
  return lines
}

const callers = Array.from({ length: 8 }, call)
const reading = read() // of v1, which ends only when this has
await setTimeout(50)
for (const version of ['v2', 'v3']) {
  const stopping = stop(running) // its name is free at once
  running = await start(version)
  await Promise.all([stopping, ...(version === 'v2' ? [reading] : [])])
  while (!seen.has(version)) await setTimeout(10)
}
isOver = true
await Promise.all(callers)
console.log(`answered by ${[...seen.keys()].join(', ')}; ${failed} calls failed`)
console.log(`the stream brought ${await reading} lines`)
await ipc.close(renderer)
await stop(running)
