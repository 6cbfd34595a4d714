// What connections that nobody calls over cost.
import { setTimeout as sleep } from 'node:timers/promises'
import { descriptors, memory, systemSharedMemory, threads } from './proc.mjs'

const IDLE_CONNECTIONS = 50
// Longer than the longest timeout of a handshake or connection, whose timer may fire once for nothing.
const SETTLE_SECONDS = 12

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

export const quiet = job => ({
  ...job,
  client: withoutIdleCollection(job.client),
  server: withoutIdleCollection(job.server),
})

/** 50 idle connections of one client process to one server: what they cost in memory, descriptors and wake-ups. */
export async function idle(running, seconds) {
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
}
