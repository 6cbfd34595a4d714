// The core alone, imports, idle connections, many connections, many workers.
import { atLeast, atMost, divide, microseconds, percent, times } from './figure_rows.mjs'

const plain = value => value
const inMilliseconds = value => value && `${value.toFixed(0)} ms`
const seconds = value => value && `${value.toFixed(1)} s`
const kibibytes = value => value && `${value.toFixed(0)} KiB`

function coreAndImports({ job }, { add }) {
  const { core } = job('core')
  add('C++ → C++ call over shm, p50', core?.call_p50_us, microseconds, '1.2 us', '0.8 us', atMost(1.2))
  add('the ring alone, round trip, p50', core?.ring_rtt_p50_us, microseconds, '0.7 us', '0.6 us', atMost(0.7))
  const { imports } = job('imports')
  const own = '`import ipcbridge` above the bare interpreter'
  add(own, imports?.ipcbridge_ms, inMilliseconds, '30 ms', '15 ms', atMost(30))
  add("the same, of the bare interpreter's start", divide(imports?.ipcbridge_ms, imports?.bare_ms), times)
  add('`import ipcbridge.aio`, which imports asyncio', imports?.aio_ms, inMilliseconds)
  add("`require('ipcbridge')` above bare Node.js", imports?.node_ms, inMilliseconds, '15 ms', '–', atMost(15))
  add("the same, of bare Node.js's start", divide(imports?.node_ms, imports?.node_bare_ms), times)
}

/** The packages of `make dist` beside this checkout's binaries: what its users have is no slower. */
function released({ job, p50, rate }, { add, addRatio }) {
  const { imports } = job('imports')
  add('`import ipcbridge` of the wheel', imports?.released_ms, inMilliseconds, '30 ms', '15 ms', atMost(30))
  add("`require('ipcbridge')` of the npm package", imports?.node_released_ms, inMilliseconds, '15 ms', '–', atMost(15))
  const { install } = job('install')
  add('from an empty folder and venv to the first call', install?.seconds, seconds, '10 s', '–', atMost(10))
  for (const [direction, name] of Object.entries({ 'node-python': 'Node → Python', 'python-node': 'Python → Node' })) {
    const [own, theirs] = [`ipcbridge-shm/${direction}`, `ipcbridge-shm-released/${direction}`]
    // What a round differs from another by.
    const slower = divide(p50(theirs), p50(own))
    add(`released binaries, ${name}, p50, of the checkout's`, slower, times, '1.1 ×', '1 ×', atMost(1.1))
    addRatio('the same, 64 in flight, calls/s', divide(rate(theirs), rate(own)), 0.9, 1)
  }
}

function idleConnections(direction, name, { job }, { add }) {
  const { idle, connection } = job(`idle/ipcbridge-shm/${direction}`)
  const ticks = `50 idle connections, ${name}: CPU ticks in ${idle?.seconds ?? 5} s`
  add(ticks, idle?.cpu_ticks, plain, '0', '0', atMost(0))
  const switches = idle && idle.voluntary_switches + idle.involuntary_switches
  add('the same: context switches', switches, plain, '0', '0', atMost(0))
  const reserved = connection && connection.reserved_shared_kib + connection.anonymous_kib
  add(`an idle connection, ${name}, both sides`, reserved, kibibytes, '320 KiB', '–', atMost(320))
  add('the same: descriptors', connection?.fds, plain, '2', '–', atMost(2))
}

function manyConnections({ rate }, { add }) {
  const shm = count => rate('connections/ipcbridge-shm/node-python', count)
  for (const count of [10, 100, 1000]) {
    const share = `${count} connections, the same load, calls/s of one connection's`
    add(share, divide(shm(count), shm(1)), percent, '50 %', '70 %', atLeast(0.5))
    const overUnix = divide(shm(count), rate('connections/ipcbridge-unix/node-python', count))
    add(`${count} connections, calls/s against ipcbridge unix`, overUnix, times, '1 ×', '–', atLeast(1))
  }
}

function sharedWorkers({ rate }, { addRatio }) {
  const job = 'workers/ipcbridge-shm/node-python'
  const what = "four workers behind one name, handlers that wait 1 ms one at a time, calls/s of one worker's"
  addRatio(what, divide(rate(job, '4'), rate(job, '1')), 3.2, 3.9)
}

export function resourceFigures(measured, collected) {
  coreAndImports(measured, collected)
  released(measured, collected)
  idleConnections('node-python', 'Node client, Python server', measured, collected)
  idleConnections('python-node', 'Python client, Node server', measured, collected)
  manyConnections(measured, collected)
  sharedWorkers(measured, collected)
}
