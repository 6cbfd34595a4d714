// Rows that only ipcbridge has: many connections, idle connections, a slow call beside fast ones, the core alone.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { imports } from './imports.mjs'
import { lane, ownPython, WAYS } from './lanes.mjs'
import { Running } from './measure.mjs'
import { descriptors, memory, systemSharedMemory, threads } from './proc.mjs'

const CONNECTIONS = [1, 10, 100, 1000]
const IDLE_CONNECTIONS = 50
// Longer than the longest timeout of a handshake or connection, whose timer may fire once for nothing.
const SETTLE_SECONDS = 12

async function withRunning(job, context, action) {
  const running = await Running.start(job, context)
  try {
    return await action(running)
  } finally {
    await running.stop()
  }
}

/** Every thread of a process that did anything in between. */
function activity(before, after) {
  const active = []
  for (const [tid, { name, ...counts }] of Object.entries(after)) {
    const earlier = before[tid] ?? { ticks: 0, voluntary: 0, involuntary: 0 }
    const change = {}
    for (const [key, value] of Object.entries(counts)) change[key] = value - earlier[key]
    if (Object.values(change).some(Boolean)) active.push({ name, ...change })
  }
  return active
}

const total = (active, key) => active.reduce((sum, thread) => sum + thread[key], 0)

async function watchIdle(pids, seconds) {
  await sleep(SETTLE_SECONDS * 1000)
  const before = pids.map(threads)
  await sleep(seconds * 1000)
  const active = pids.flatMap((pid, i) => activity(before[i], threads(pid)))
  return {
    seconds,
    cpu_ticks: total(active, 'ticks'),
    voluntary_switches: total(active, 'voluntary'),
    involuntary_switches: total(active, 'involuntary'),
    active_threads: active,
  }
}

function footprint(pids) {
  const segments = new Map()
  let anonymous = 0
  for (const pid of pids) {
    const used = memory(pid)
    anonymous += used.anonymous
    // The same segment mapped by both sides is one reservation.
    for (const [id, size] of used.segments) segments.set(id, Math.max(size, segments.get(id) ?? 0))
  }
  return {
    reserved_shared_kib: [...segments.values()].reduce((a, b) => a + b, 0),
    system_shared_kib: systemSharedMemory(),
    anonymous_kib: anonymous,
    fds: pids.reduce((sum, pid) => sum + descriptors(pid), 0),
  }
}

// Some seconds after a burst V8 collects garbage by itself, on all of Node's threads: that is not what is counted here.
const withoutIdleCollection = argv =>
  argv[0] === process.execPath ? [argv[0], '--no-memory-reducer', ...argv.slice(1)] : argv

const quiet = job => ({
  ...job,
  client: withoutIdleCollection(job.client),
  server: withoutIdleCollection(job.server),
})

/** 50 idle connections of one client process to one server: what they cost in memory, descriptors and wake-ups. */
const idle = (job, seconds, context) =>
  withRunning(quiet(job), context, async running => {
    const pids = [running.client.pid, running.server.pid]
    await running.run('hold', { connections: 1 })
    await sleep(200)
    const before = footprint(pids)
    await running.run('hold', { connections: IDLE_CONNECTIONS })
    await sleep(200)
    const after = footprint(pids)
    const perConnection = {}
    for (const key of Object.keys(after)) perConnection[key] = (after[key] - before[key]) / IDLE_CONNECTIONS
    return { connection: perConnection, idle: await watchIdle(pids, seconds) }
  })

const connections = (job, { seconds, warmup }, context) =>
  withRunning(job, context, async running => {
    const result = {}
    for (const count of CONNECTIONS) {
      result[count] = await running.run('spread', { connections: count, depth: 64, seconds, warmup }, 60)
    }
    return result
  })

const beside = (job, { quick, warmup }, context) =>
  withRunning(job, context, running =>
    running
      .run('beside', { fast: 20, block: 0.005, repeats: quick ? 50 : 200, warmup })
      .then(result => ({ beside: result })),
  )

async function core(path) {
  if (!existsSync(path)) throw new Error('build/dev/bench_core is not built')
  const { stdout } = await promisify(execFile)(path, { timeout: 60_000 })
  return { core: JSON.parse(stdout) }
}

/** Jobs: { id, run, once }. */
export function extras(settings, context) {
  const jobs = []
  const chosen = WAYS.filter(way => way.module === 'ipcbridge' && (!settings.ways || settings.ways.includes(way.id)))
  const wants = (work, direction) =>
    settings.works.includes(work) && (!settings.directions || settings.directions.includes(direction))
  for (const way of chosen) {
    for (const direction of ['node-python', 'python-node']) {
      const job = lane(way, direction)
      if (wants('beside', direction)) {
        jobs.push({ id: `beside/${job.id}`, run: () => beside(job, settings, context) })
      }
      if (wants('idle', direction)) {
        jobs.push({ id: `idle/${job.id}`, once: true, run: () => idle(job, settings.idleSeconds, context) })
      }
    }
    if (wants('connections', 'node-python')) {
      const job = lane(way, 'node-python')
      jobs.push({ id: `connections/${job.id}`, run: () => connections(job, settings, context) })
    }
  }
  if (settings.works.includes('core') && (!settings.ways || settings.ways.includes('ipcbridge-shm'))) {
    const path = settings.coreBinary ?? fileURLToPath(new URL('../../build/dev/bench_core', import.meta.url))
    jobs.push({ id: 'core', run: () => core(path) })
  }
  if (settings.works.includes('imports')) {
    jobs.push({ id: 'imports', run: () => imports(ownPython, settings.importRuns) })
  }
  return jobs
}
