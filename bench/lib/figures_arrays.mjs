// Arrays: against one copy in memory, against a small call, against the usual ways, and what memory they take.
import { atLeast, atMost, divide, percent } from './figure_rows.mjs'
import { DIRECTIONS, quickestRival } from './figures_payloads.mjs'
import { sizeName } from './payloads.mjs'

const MIB = 2 ** 20
const LARGE = [MIB, 100 * MIB]
const precise = value => value && `${value.toFixed(2)} ×`
const perSecond = value => value && `${Math.round(value).toLocaleString('en-US')} frames/s`

function ordinary(name, { small, ordinary: times }, { p50 }, { add }) {
  for (const [size, floor, goal] of [
    [MIB, 2, 1.3],
    [100 * MIB, 1.3, 1.1],
  ]) {
    const copy = p50('payload/memcpy', size)
    const ratio = copy && divide(times?.[size]?.p50_us, copy + small?.p50_us)
    const what = `array of ${sizeName(size)}, ${name}, of one memcpy and a small call`
    add(what, ratio, precise, `${floor} ×`, `${goal} ×`, atMost(floor))
  }
}

function fromPool(name, { small, pool, frames }, { add }) {
  const times = Object.entries(pool ?? {}).map(([size, { p50_us }]) => ({ size: Number(size), p50_us }))
  const slowest = times.sort((a, b) => b.p50_us - a.p50_us)[0]
  const more = slowest && small && slowest.p50_us - small.p50_us
  const show = value => value && `${value.toFixed(1)} us (${sizeName(slowest.size)})`
  add(`array from the pool, ${name}, above a small call, the worst size`, more, show, '20 us', '5 us', atMost(20))
  // The caller reads what the service streams.
  const stream = `6 MB frames from the pool, read by ${name.split(' ')[0]}, descriptors only`
  add(stream, frames?.frames_per_s, perSecond, '20,000', '100,000', atLeast(20_000))
  const share = divide(frames?.touched_per_s, frames?.local_per_s)
  add('the same, every byte read, of the rate in memory of its own', share, percent, '70 %', '90 %', atLeast(0.7))
}

function againstRivals(name, direction, result, measured, { add }) {
  for (const size of LARGE) {
    const best = quickestRival(measured, direction, size)
    const show = value => value && `${value.toFixed(1)} × (${best.way})`
    const against = `${sizeName(size)}, ${name}, against the best of gRPC, ZeroMQ, HTTP, stdio with base64`
    for (const [kind, title, floor, goal] of [
      ['ordinary', 'array of', 3, 5],
      ['pool', 'array from the pool of', 10, 1000],
    ]) {
      const ratio = divide(best?.value, result[kind]?.[size]?.p50_us)
      add(`${title} ${against}`, ratio, show, `${floor} ×`, `${goal} ×`, atLeast(floor))
    }
  }
}

function memory(name, direction, { job }, { add }) {
  const { peak } = job(`arrays-memory/ipcbridge-shm/${direction}`)
  add(`array of 500 MB from the pool, ${name}, peak memory of both`, peak?.pool, precise, '1.1 ×', '–', atMost(1.1))
  add('the same in ordinary memory', peak?.ordinary, precise, '2.1 ×', '–', atMost(2.1))
  const { dropped } = job(`arrays-dropped/ipcbridge-shm/${direction}`)
  const grown = divide(dropped?.all.resident_kib, dropped?.first.resident_kib)
  const what = `a million arrays of 100 KB, ${name}, memory of both, of that of the first tenth`
  add(what, grown, precise, '1.1 ×', '1 ×', atMost(1.1))
  const segments = divide(dropped?.all.segments, dropped?.first.segments)
  add('the same: mapped segments', segments, precise, '1 ×', '–', atMost(1))
}

export function arrayFigures(measured, collected) {
  for (const [direction, name] of Object.entries(DIRECTIONS)) {
    const result = measured.job(`arrays/ipcbridge-shm/${direction}`)
    ordinary(name, result, measured, collected)
    fromPool(name, result, collected)
    againstRivals(name, direction, result, measured, collected)
  }
  for (const direction of ['node-python', 'python-node']) memory(DIRECTIONS[direction], direction, measured, collected)
}
