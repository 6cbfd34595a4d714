// How long each way takes for each size.
import { table } from './markdown.mjs'
import { DIRECTION_NAMES } from './measurements.mjs'
import { payloadWays, SMALL, sizeName } from './payloads.mjs'

const short = value => value.toPrecision(3 - Math.max(0, Math.floor(Math.log10(value)) - 2))
const rounded = value => (value >= 100 ? Math.round(value).toLocaleString('en-US') : short(value))

/** Microseconds, with the unit that reads best. */
export function duration(us) {
  if (us < 1000) return `${rounded(us)} us`
  return us < 1e6 ? `${rounded(us / 1000)} ms` : `${rounded(us / 1e6)} s`
}

const cell = result => {
  if (result?.p50_us) return duration(result.p50_us)
  return result?.cannot ? 'cannot' : '–'
}

/** What a way could not carry, the same reason of several sizes in one line. */
function reasons(name, result, sizes) {
  const found = new Map()
  for (const size of sizes) {
    const { cannot } = result[size] ?? {}
    if (cannot) found.set(cannot, [...(found.get(cannot) ?? []), size === SMALL ? `${size} B` : sizeName(size)])
  }
  return [...found].map(([reason, of]) => `- ${name} cannot carry ${of.join(', ')}: ${reason}`)
}

/** Arrays over shared memory, as two rows more. */
function arrays(summary, direction) {
  const { small, ordinary, pool } = summary[`arrays/ipcbridge-shm/${direction}`] ?? {}
  if (!small) return []
  return [
    ['ipcbridge shm, array', ordinary],
    ['ipcbridge shm, array from the pool', pool],
  ].map(([name, result]) => [name, { [SMALL]: small, ...result }])
}

function times(summary, direction) {
  const rows = payloadWays()
    .map(way => [way.name, summary[`payload/${way.id}/${direction}`]])
    .filter(([, result]) => result && !result.unavailable)
  rows.push(...arrays(summary, direction))
  if (!rows.length) return []
  const sizes = [...new Set(rows.flatMap(([, result]) => Object.keys(result)))]
    .map(Number)
    .filter(Number.isFinite)
    .sort((a, b) => a - b)
  const copies = summary['payload/memcpy']
  const all = copies && !copies.unavailable ? [...rows, ['one copy in memory', copies]] : rows
  const cells = ([name, result]) => [name, ...sizes.map(size => cell(result[size]))]
  const header = ['bytes one way, p50', ...sizes.map(sizeName)]
  const notes = rows.flatMap(([name, result]) => reasons(name, result, sizes))
  return [table(header, all.map(cells)), ...(notes.length ? [notes.join('\n')] : [])]
}

function records(summary, direction) {
  const rows = payloadWays()
    .map(way => [way.name, summary[`records/${way.id}/${direction}`]?.records])
    .filter(([, result]) => result)
  if (!rows.length) return []
  const header = ['1,000 records of 20 fields, there and back', 'p50']
  const json = name => (name.startsWith('ipcbridge') ? name : 'Unix socket, JSON')
  return [
    table(
      header,
      rows.map(([name, result]) => [json(name), cell(result)]),
    ),
  ]
}

/** The section of one direction, or nothing. */
export function payloadTables(summary) {
  return Object.entries(DIRECTION_NAMES).flatMap(([direction, name]) => {
    const tables = [...times(summary, direction), ...records(summary, direction)]
    return tables.length ? [`## Large values, ${name}`, ...tables] : []
  })
}
