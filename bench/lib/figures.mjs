// The figures that ipcbridge is to reach: calls as ratios within one run here, the rest in figures_resources.mjs.
import { atLeast, atMost, collector, divide, milliseconds, percent, reader, times } from './figure_rows.mjs'
import { arrayFigures } from './figures_arrays.mjs'
import { payloadFigures } from './figures_payloads.mjs'
import { resourceFigures } from './figures_resources.mjs'
import { streamFigures } from './figures_streams.mjs'

const SHM = 'ipcbridge-shm'

function oneInFlight({ job, p50 }, { addRatio }) {
  const against = (direction, field = 'p50') => job(`${SHM}/${direction}`).against?.unix?.[field]
  addRatio('Node → Python, p50 against Unix socket + JSON', against('node-python'), 25, 35)
  addRatio('Node → Python, p99 against Unix socket + JSON', against('node-python', 'p99'), 15, 30)
  addRatio('Python blocking → Node, p50 against Unix socket + JSON', against('python-node'), 20, 30)
  addRatio('asyncio → Node, p50 against the same on a Unix socket + JSON', against('asyncio-node'), undefined, 3)
  const zerorpc = divide(p50('zerorpc/python-python'), p50(`${SHM}/python-python`))
  addRatio('Python → Python blocking, p50 against zeroRPC', zerorpc, 100, 300)
}

/** 64 calls of Python in flight: by asyncio tasks on one client or by threads on one client, whichever is quicker. */
function bestOfTasksAndThreads(name, direction, { rate }, { add }) {
  const ways = { tasks: rate(`${SHM}/${direction}`), threads: rate(`threads/${SHM}/${direction}`, '64') }
  const best = ways.tasks > ways.threads ? 'tasks' : 'threads'
  const ratio = ways.tasks && ways.threads && divide(ways[best], rate(`stdio-orjson/${direction}`))
  const show = value => value && `${times(value)} (${best})`
  const what = `${name}, 64 in flight by tasks or threads, calls/s against stdio, orjson`
  add(what, ratio, show, '0.8 ×', '1.2 ×', atLeast(0.8))
}

function manyInFlight(measured, collected) {
  const { job, rate } = measured
  const { addRatio } = collected
  const stdio = job(`${SHM}/node-python`).against?.stdio?.calls_per_s
  addRatio('Node → Python, 64 in flight, calls/s against JSON lines on stdio', stdio, 3.5, 6)
  bestOfTasksAndThreads('Python → Node', 'python-node', measured, collected)
  bestOfTasksAndThreads('Python → Python', 'python-python', measured, collected)
  const asyncio = job(`${SHM}/asyncio-node`).against?.unix?.calls_per_s
  addRatio('asyncio → Node, 64 in flight, calls/s against the same on a Unix socket + JSON', asyncio, 3, 4)
  const threads = `threads/${SHM}/python-node`
  const shared = divide(rate(threads, '16'), rate(threads, '1'))
  addRatio("Python → Node, 16 threads on one blocking client, calls/s of one thread's", shared, 0.25, 0.5)
}

/** Handlers that are `async def`, against an asyncio server on a Unix socket that has the same handler. */
function asyncHandlers(way, serve, { job, p50, rate }, { add, addRatio }) {
  const id = `${way}/node-async`
  const { against } = job(id)
  const name = `Node → \`async def\` of ${serve}`
  addRatio(`${name}, p50 against the same on a Unix socket + JSON`, against?.unix?.p50, undefined, 3)
  const bounds = way === SHM ? ['at most 2 ×', '1.3 ×', atMost(2)] : []
  add(`${name}, p50, times that of a plain handler beside it`, divide(p50(id), p50(id, 'plain')), times, ...bounds)
  const many = against?.unix?.calls_per_s
  addRatio(`${name}, 64 in flight, calls/s against the same on a Unix socket + JSON`, many, 2.5, 5)
  const suspending = divide(p50('unix/node-async', 'suspending'), p50(id, 'suspending'))
  addRatio(`${name} that suspends once, p50 against the same on a Unix socket + JSON`, suspending, 3, 6)
  const plainOnly = `${SHM}/node-python`
  const alternating = divide(p50(id, 'alternating'), p50(plainOnly))
  add(`${name} and plain in turn, p50, times that of ipc.serve with plain ones only`, alternating, times)
  const alternatingMany = divide(rate(id, 'alternating-many'), rate(plainOnly))
  add(`${name} and plain in turn, 64 in flight, calls/s of ipc.serve with plain ones only`, alternatingMany, percent)
  const blocking = job(`${way}/python-async`).against?.unix?.p50
  addRatio(`Python blocking → \`async def\` of ${serve}, p50 against the same on a Unix socket + JSON`, blocking)
}

function besideBlockedHandler({ job }, { add }) {
  for (const [direction, name] of [
    ['node-python', 'Python handler'],
    ['python-node', 'Node handler'],
  ]) {
    const p99 = job(`beside/${SHM}/${direction}`).beside?.p99_us
    const what = `20 fast calls beside a 5 ms ${name}, fast p99`
    add(what, p99, milliseconds, '< 1.5 ms', '< 1 ms', value => value < 1500)
  }
}

/** [{ what, value, floor, goal, ok }]; `ok` is null where there is no floor or nothing was measured. */
export function figures(summary) {
  const measured = reader(summary)
  const collected = collector()
  oneInFlight(measured, collected)
  manyInFlight(measured, collected)
  asyncHandlers(SHM, 'ipc.serve', measured, collected)
  asyncHandlers(`${SHM}-aio`, 'aio.serve', measured, collected)
  besideBlockedHandler(measured, collected)
  streamFigures(measured, collected)
  payloadFigures(measured, collected)
  arrayFigures(measured, collected)
  resourceFigures(measured, collected)
  return collected.rows
}
