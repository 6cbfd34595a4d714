// Rows that only ipcbridge has: many connections, idle connections, workers that share a name, threads on one client,
// a slow call beside fast ones, the core alone.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { arrayJobs } from './arrays.mjs'
import { idle, quiet } from './idle.mjs'
import { imports } from './imports.mjs'
import { Running } from './measure.mjs'
import { MAIN_DIRECTIONS, measurement, ownPython, WAYS } from './measurements.mjs'
import { payloads } from './payloads.mjs'
import { firstCall, missingPackages } from './released.mjs'

const CONNECTIONS = [1, 10, 100, 1000]
const THREADS = [1, 16, 64]

async function connections(running, { seconds, warmup }) {
  const result = {}
  for (const count of CONNECTIONS) {
    result[count] = await running.run('spread', { connections: count, depth: 64, seconds, warmup }, 60)
  }
  return result
}

const WORKERS = [1, 4]

/** The calls of one client, over workers that share a name; of one worker, to compare with. */
async function workers(running, { seconds, warmup }) {
  const result = {}
  for (const count of WORKERS) {
    const address = running.address + count
    result[count] = await running.run('many', { address, depth: 64, seconds, warmup })
  }
  return result
}

const withWorkers = job => ({
  ...job,
  server: job.server.map(part => part.replace(/server\.py$/, 'server_workers.py')),
})

/** Threads that share one blocking client, one call of each in flight. */
async function threads(running, { seconds, warmup }) {
  const result = {}
  for (const count of THREADS) result[count] = await running.run('threads', { threads: count, seconds, warmup })
  return result
}

async function beside(running, { quick, warmup }) {
  return { beside: await running.run('beside', { fast: 20, block: 0.005, repeats: quick ? 50 : 200, warmup }) }
}

/** Streams of small items, of plain and of async generators, and how long the first item takes. */
async function streams(running, { seconds, warmup }, { way, direction }) {
  const own = way.module === 'ipcbridge'
  const settings = { count: own ? 50_000 : 10_000, seconds, warmup }
  const result = { items: await running.run('items', { member: 'stream', ...settings }) }
  if (!own) return result
  const member = direction.startsWith('node') ? 'streamAsync' : 'stream_async'
  result['items-async'] = await running.run('items', { member, ...settings })
  result.first = await running.run('first', { seconds, warmup })
  return result
}

/** Round trips of a callback within calls. */
async function callbacks(running, { seconds, warmup }) {
  return { callbacks: await running.run('callbacks', { count: 100, seconds, warmup }) }
}

/** 64 calls in flight whose results are futures. */
async function submitted(running, { seconds, warmup }) {
  return { submitted: await running.run('submitted', { depth: 64, seconds, warmup }) }
}

/** Calls that block the thread of an event loop. */
async function blocked(running, { seconds, warmup }) {
  return { blocked: await running.run('blocked', { seconds, warmup }) }
}

const SHM = ['ipcbridge-shm']
const BOTH = ['ipcbridge-unix', 'ipcbridge-shm']
const MEASUREMENT_EXTRAS = {
  beside: { ways: SHM, directions: MAIN_DIRECTIONS, run: beside },
  idle: {
    ways: SHM,
    directions: MAIN_DIRECTIONS,
    rounds: 1,
    prepare: quiet,
    run: (running, { idleSeconds }) => idle(running, idleSeconds),
  },
  connections: { ways: BOTH, directions: ['node-python'], run: connections },
  workers: { ways: SHM, directions: ['node-python'], prepare: withWorkers, run: workers },
  streams: {
    ways: [...BOTH, 'unix-lines', 'grpc'],
    directions: [...MAIN_DIRECTIONS, 'asyncio-node', 'python-python'],
    run: streams,
  },
  callbacks: { ways: SHM, directions: [...MAIN_DIRECTIONS, 'asyncio-node'], run: callbacks },
  submitted: { ways: SHM, directions: ['python-node', 'python-python'], run: submitted },
  blocked: { ways: SHM, directions: ['node-python'], run: blocked },
  threads: { ways: SHM, directions: ['python-node', 'python-python'], run: threads },
}

async function core(path) {
  if (!existsSync(path)) throw new Error('build/dev/bench_core is not built')
  const { stdout } = await promisify(execFile)(path, { timeout: 60_000 })
  return { core: JSON.parse(stdout) }
}

async function runOn(job, extra, settings, context) {
  const running = await Running.start(extra.prepare?.(job) ?? job, context)
  try {
    return await extra.run(running, settings, job)
  } finally {
    await running.stop()
  }
}

function measurementExtras(settings, context) {
  const wanted = (names, name) => !names || names.includes(name)
  const jobs = []
  for (const [work, extra] of Object.entries(MEASUREMENT_EXTRAS)) {
    if (!settings.works.includes(work)) continue
    const ways = WAYS.filter(({ id }) => extra.ways.includes(id) && wanted(settings.ways, id))
    for (const direction of extra.directions.filter(name => wanted(settings.directions, name))) {
      for (const way of ways) {
        if (way.module !== 'ipcbridge' && !MAIN_DIRECTIONS.includes(direction)) continue
        const job = measurement(way, direction)
        jobs.push({ id: `${work}/${job.id}`, rounds: extra.rounds, run: () => runOn(job, extra, settings, context) })
      }
    }
  }
  return jobs
}

/** Jobs: { id, run, rounds }; of a job with `rounds` no more than so many are measured. */
export function extras(settings, context) {
  const jobs = [
    ...measurementExtras(settings, context),
    ...payloads(settings, context),
    ...arrayJobs(settings, context),
  ]
  if (settings.works.includes('core') && (!settings.ways || settings.ways.includes('ipcbridge-shm'))) {
    const path = settings.coreBinary ?? fileURLToPath(new URL('../../build/dev/bench_core', import.meta.url))
    jobs.push({ id: 'core', run: () => core(path) })
  }
  if (settings.works.includes('imports')) {
    jobs.push({ id: 'imports', run: () => imports(ownPython, settings.importRuns) })
  }
  if (settings.works.includes('install') && !missingPackages()) {
    jobs.push({ id: 'install', run: () => firstCall(ownPython) })
  }
  return jobs
}
