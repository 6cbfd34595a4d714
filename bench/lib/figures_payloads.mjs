// Large values: against a plain socket, against one copy in memory, against the other ways that people use.
import { atLeast, atMost, divide } from './figure_rows.mjs'
import { SMALL, sizeName } from './payloads.mjs'

const KIB = 1024
const MIB = 1024 * KIB
const SHM = 'payload/ipcbridge-shm'
const UNIX = 'payload/ipcbridge-unix'
const SOCKET = 'payload/unix'
const RIVALS = ['grpc', 'zeromq-ipc', 'zeromq-tcp', 'http', 'stdio']

export const DIRECTIONS = {
  'node-python': 'Node → Python',
  'python-node': 'Python → Node',
  'node-async': 'Node → asyncio',
  'asyncio-node': 'asyncio → Node',
}

const sizesOf = result =>
  Object.keys(result)
    .map(Number)
    .filter(size => size > SMALL)

/** The worst of the sizes from `least` to `most` that both have: { value, size }. */
function worst({ job }, id, ratio, [least, most], worse) {
  let found = null
  for (const size of sizesOf(job(id)).filter(size => size >= least && size <= most)) {
    const value = ratio(size)
    if (value && (!found || worse(value, found.value))) found = { value, size }
  }
  return found
}

const ofSize = found => value => value && `${value.toFixed(2)} × (${sizeName(found.size)})`
const plain = value => value && `${value.toFixed(2)} ×`

function against(name, direction, measured, { add }) {
  const { p50 } = measured
  const [own, unix, socket] = [SHM, UNIX, SOCKET].map(way => `${way}/${direction}`)
  const larger = (a, b) => a > b
  const smaller = (a, b) => a < b
  const copied = size => {
    const [copy, small] = [p50('payload/memcpy', size), p50(own, SMALL)]
    return copy && small && copy + small
  }

  const faster = worst(measured, own, size => divide(p50(socket, size), p50(own, size)), [64 * KIB, 100 * MIB], smaller)
  const range = '64 KB to 100 MB, the worst'
  const what = `bytes, ${name}, ${range}, against a plain Unix socket`
  add(what, faster?.value, ofSize(faster), '2 ×', '4 ×', atLeast(2))

  const copies = worst(measured, own, size => divide(p50(own, size), copied(size)), [64 * KIB, 100 * MIB], larger)
  add('the same, of one memcpy and a small call', copies?.value, ofSize(copies), '3.5 ×', '2.2 ×', atMost(3.5))

  const step = divide(p50(own, 16 * KIB), p50(own, 4 * KIB))
  add(`bytes of 16 KB, ${name}, of the time of 4 KB`, step, plain, '2 ×', '1.5 ×', atMost(2))

  const slower = worst(measured, unix, size => divide(p50(unix, size), p50(socket, size)), [MIB, 100 * MIB], larger)
  const overUnix = `ipcbridge unix, bytes, ${name}, 1 MB to 100 MB, the worst, of a plain Unix socket's time`
  add(overUnix, slower?.value, ofSize(slower), '1.3 ×', '1.05 ×', atMost(1.3))

  const [records, json] = ['ipcbridge-shm', 'unix'].map(way => p50(`records/${way}/${direction}`, 'records'))
  const list = `1,000 records of 20 fields there and back, ${name}, against JSON on a Unix socket`
  add(list, divide(json, records), plain, '1.3 ×', '2.5 ×', atLeast(1.3))
}

/** The quickest of the usual ways to carry bytes: { value, way }. */
export function quickestRival({ p50 }, direction, size) {
  const times = RIVALS.map(way => ({ way, value: p50(`payload/${way}/${direction}`, size) })).filter(
    ({ value }) => value,
  )
  return times.sort((a, b) => a.value - b.value)[0]
}

function againstRivals(name, direction, measured, { add }) {
  for (const size of [MIB, 100 * MIB]) {
    const best = quickestRival(measured, direction, size)
    const ratio = divide(best?.value, measured.p50(`${SHM}/${direction}`, size))
    const what = `bytes of ${sizeName(size)}, ${name}, against the best of gRPC, ZeroMQ, HTTP, stdio with base64`
    add(what, ratio, value => value && `${value.toFixed(2)} × (${best.way})`, '3 ×', '5 ×', atLeast(3))
  }
}

export function payloadFigures(measured, collected) {
  for (const [direction, name] of Object.entries(DIRECTIONS)) {
    against(name, direction, measured, collected)
    againstRivals(name, direction, measured, collected)
  }
}
