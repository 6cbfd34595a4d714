// Large values in every way that can carry them, one copy of the same size in memory beside them.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Running } from './measure.mjs'
import { measurement, ownPython, WAYS } from './measurements.mjs'

const KIB = 1024
const MIB = 1024 * KIB
export const SIZES = [KIB, 4 * KIB, 16 * KIB, 64 * KIB, MIB, 16 * MIB, 100 * MIB]
/** What a call costs whatever it carries. */
export const SMALL = 10
const RECORDS = 1000
/** Beyond this a way cannot carry the size. */
const CELL_SECONDS = 10
/** Of the ways that the figures compare closely; the others are measured once a run, and a quick one asks them for this. */
const ROUNDS = 3
const QUICK_SIZES = [MIB]

const CLIENTS = ['node-python', 'python-node', 'asyncio-node']
const EVERY = ['node-python', 'python-node', 'node-async', 'asyncio-node']
const PAYLOAD_WAYS = {
  'ipcbridge-shm': { directions: EVERY, records: true, rounds: ROUNDS },
  'ipcbridge-unix': { directions: EVERY, records: true, rounds: ROUNDS },
  unix: { name: 'Unix socket, length and bytes', directions: EVERY, records: true, rounds: ROUNDS },
  'unix-kept': { name: 'Unix socket, one buffer for all', directions: ['node-python', 'node-async'] },
  tcp: { name: 'TCP, length and bytes', directions: CLIENTS },
  'stdio-frames': { directions: CLIENTS },
  stdio: { name: 'stdio, base64 in JSON', directions: CLIENTS },
  'stdio-orjson': { name: 'stdio, base64, orjson', directions: ['node-python', 'python-node'] },
  http: { directions: CLIENTS },
  websocket: { directions: CLIENTS },
  socketio: { directions: ['node-python', 'asyncio-node'] },
  mqtt: { directions: ['node-python', 'python-node'] },
  'zeromq-ipc': { directions: CLIENTS },
  'zeromq-tcp': { directions: CLIENTS },
  grpc: { directions: CLIENTS },
  zerorpc: { directions: ['python-python'] },
}

const FILES = { node: 'payload.mjs', python: 'payload.py', async: 'payload_async.py' }
const SIDES = {
  'node-python': ['node', 'python'],
  'python-node': ['python', 'node'],
  'python-python': ['python', 'python'],
  'node-async': ['node', 'async'],
  'asyncio-node': ['async', 'node'],
}

/** Of client and server; a server on stdio is a program of its own. */
function filesOf(way, direction) {
  const [client, server] = SIDES[direction].map(side => FILES[side])
  return [client, way.stdio ? server.replace('payload', 'payload_child') : server]
}

export const payloadWays = () =>
  WAYS.filter(({ id }) => PAYLOAD_WAYS[id]).map(way => ({ ...way, ...PAYLOAD_WAYS[way.id] }))

export const sizeName = size => {
  if (size % MIB === 0) return `${size / MIB} MB`
  return size % KIB === 0 ? `${size / KIB} KB` : `${size} B`
}

/** Longer windows for what takes longer, a longer warm-up for what comes first: the processes have only just started. */
export function windowOf(size, { quick }) {
  const seconds = size < MIB ? 0.1 : size < 16 * MIB ? 0.2 : size < 64 * MIB ? 0.4 : 0.8
  return { seconds: quick ? seconds / 2 : seconds, warmup: size === SMALL ? 0.2 : 0.05, most: CELL_SECONDS / 2 }
}

/** Each size on a connection of its own; what is not possible says why. */
async function everySize(running, settings, way) {
  const result = {}
  let stuck = null
  const sizes = settings.sizes ?? (settings.quick && !way.rounds ? QUICK_SIZES : SIZES)
  for (const size of [SMALL, ...sizes]) {
    if (stuck) {
      result[size] = { cannot: stuck }
      continue
    }
    try {
      result[size] = await running.run('payload', { size, ...windowOf(size, settings) }, CELL_SECONDS)
    } catch (error) {
      result[size] = { cannot: error.message }
      if (error.timeout) stuck = 'not tried, as less took too long'
    }
  }
  return result
}

async function listOfRecords(running, settings) {
  const window = windowOf(16 * MIB, settings)
  return { records: await running.run('records', { count: RECORDS, ...window }) }
}

async function memcpy(settings) {
  const path = fileURLToPath(new URL('memcpy.py', import.meta.url))
  const args = [path, settings.quick ? 0.1 : 0.3, ...(settings.sizes ?? SIZES)].map(String)
  const { stdout } = await promisify(execFile)(ownPython, args, { timeout: 60_000 })
  return JSON.parse(stdout)
}

async function runOn(job, run, settings, context) {
  const running = await Running.start(job, context)
  try {
    return await run(running, settings, job.way)
  } finally {
    await running.stop()
  }
}

/** Jobs: { id, run, rounds }. */
export function payloads(settings, context) {
  const wanted = (names, name) => !names || names.includes(name)
  const jobs = []
  for (const way of payloadWays().filter(({ id }) => wanted(settings.ways, id))) {
    for (const direction of way.directions.filter(name => wanted(settings.directions, name))) {
      const job = measurement(way, direction, filesOf(way, direction))
      const add = (work, run) => {
        const id = `${work}/${job.id}`
        const rounds = way.rounds ?? 1
        if (settings.works.includes(work)) jobs.push({ id, rounds, run: () => runOn(job, run, settings, context) })
      }
      add('payload', everySize)
      if (way.records) add('records', listOfRecords)
    }
  }
  if (settings.works.some(work => work === 'payload' || work === 'arrays')) {
    jobs.push({ id: 'payload/memcpy', rounds: ROUNDS, run: () => memcpy(settings) })
  }
  return jobs
}
