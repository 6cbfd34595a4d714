// Arrays over ipcbridge: in ordinary memory, in memory of the pool, streamed from it, and what memory they take.
import { Running } from './measure.mjs'
import { measurement, WAYS } from './measurements.mjs'
import { SIZES, SMALL, windowOf } from './payloads.mjs'
import { most, resident } from './watch.mjs'

const MIB = 2 ** 20
const FRAME = 6 * MIB
const LARGEST = 500 * MIB
const DROPPED = 100 * 1024
const BYTES_PER_ELEMENT = 8
const ROUNDS = 3

const FILES = {
  'node-python': ['arrays.mjs', 'arrays.py'],
  'python-node': ['arrays.py', 'arrays.mjs'],
  'node-async': ['arrays.mjs', 'arrays_async.py'],
  'asyncio-node': ['arrays_async.py', 'arrays.mjs'],
}
const EVERY = Object.keys(FILES)
const BOTH = ['node-python', 'python-node']

/** Until its blocks have been made, and every page of them has been seen once, a stream is not warm. */
const framesWindow = ({ quick }) => ({ seconds: quick ? 0.5 : 1, warmup: 0.5 })

async function sizes(running, settings, pool) {
  const result = {}
  for (const size of (settings.sizes ?? SIZES).filter(each => each % BYTES_PER_ELEMENT === 0)) {
    result[size] = await running.run('array', { size, pool, ...windowOf(size, settings) })
  }
  return result
}

async function arrays(start, settings) {
  const running = await start()
  const small = await running.run('payload', { size: SMALL, ...windowOf(SMALL, settings) })
  return {
    small,
    ordinary: await sizes(running, settings, false),
    pool: await sizes(running, settings, true),
    frames: await running.run('frames', { size: FRAME, ...framesWindow(settings) }),
  }
}

/** The most memory of both processes beyond what they have without the array, in sizes of the array. */
async function peak(start, settings, pool) {
  const running = await start()
  const pids = [running.client.pid, running.server.pid]
  await running.run('payload', { size: SMALL, ...windowOf(SMALL, settings) })
  const before = resident(pids)
  const work = running.run('array-once', { size: LARGEST, pool, calls: 3 }, 60)
  const { resident_kib: after } = await most(pids, 5, work)
  return ((after - before) * 1024) / LARGEST
}

async function memory(start, settings) {
  return { peak: { pool: await peak(start, settings, true), ordinary: await peak(start, settings, false) } }
}

/** The same number of arrays twice after a start: the most memory of both processes and the most mapped segments. */
async function dropped(start, { quick }) {
  const count = quick ? 10_000 : 1_000_000
  const running = await start()
  const pids = [running.client.pid, running.server.pid]
  const send = number => most(pids, 50, running.run('arrays-dropped', { size: DROPPED, count: number }, 300))
  return { dropped: { first: await send(count / 10), all: await send(count) } }
}

const WORKS = {
  arrays: { directions: EVERY, rounds: ROUNDS, run: arrays },
  'arrays-memory': { directions: BOTH, rounds: 1, run: memory },
  'arrays-dropped': { directions: BOTH, rounds: 1, run: dropped },
}

async function runOn(job, run, settings, context) {
  const started = []
  const start = async () => {
    const running = await Running.start(job, context)
    started.push(running)
    return running
  }
  try {
    return await run(start, settings)
  } finally {
    for (const running of started) await running.stop()
  }
}

/** Jobs: { id, run, rounds }. */
export function arrayJobs(settings, context) {
  const way = WAYS.find(({ id }) => id === 'ipcbridge-shm')
  if (!settings.works.includes('arrays') || (settings.ways && !settings.ways.includes(way.id))) return []
  return Object.entries(WORKS).flatMap(([work, { directions, rounds, run }]) =>
    directions
      .filter(direction => !settings.directions || settings.directions.includes(direction))
      .map(direction => {
        const job = measurement(way, direction, FILES[direction])
        return { id: `${work}/${job.id}`, rounds, run: () => runOn(job, run, settings, context) }
      }),
  )
}
