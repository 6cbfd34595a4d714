// The tables, in Markdown that also reads well on a terminal.
import { figures } from './figures.mjs'
import { DIRECTION_NAMES, WAYS } from './lanes.mjs'
import { machineLines } from './machine.mjs'

const number = (value, digits = 3) => {
  if (!Number.isFinite(value)) return '–'
  if (value >= 10 ** (digits - 1)) return Math.round(value).toLocaleString('en-US')
  return value.toPrecision(digits)
}
const ratio = value => (Number.isFinite(value) ? `${value >= 10 ? value.toFixed(0) : value.toFixed(2)} ×` : '–')

function table(header, rows) {
  const lines = [header, ...rows].map(cells => cells.map(cell => `${cell ?? '–'}`))
  const widths = header.map((_, i) => Math.max(3, ...lines.map(cells => (cells[i] ?? '').length)))
  const line = cells =>
    `| ${cells.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`
  return [line(lines[0]), rule, ...lines.slice(1).map(line)].join('\n')
}

const lanesOf = (summary, direction) =>
  WAYS.map(way => [way, summary[`${way.id}/${direction}`]]).filter(([, result]) => result)

function latency(summary, direction) {
  const header = [
    'one in flight',
    'p50 us',
    'p50 by round',
    'p99 us',
    'p99.9 us',
    'faster than Unix + JSON',
    'than stdio',
    'CPU s per 10,000',
  ]
  return table(
    header,
    lanesOf(summary, direction).map(([way, { one, against, unavailable }]) =>
      unavailable
        ? [way.name, 'not available', '', '', '', '', '', '']
        : [
            way.name,
            number(one?.p50_us),
            one?.p50_range_us?.map(value => number(value)).join(' to '),
            number(one?.p99_us),
            number(one?.p999_us),
            ratio(against.unix?.p50),
            ratio(against.stdio?.p50),
            number(one?.cpu_s_per_10k, 2),
          ],
    ),
  )
}

function throughput(summary, direction) {
  const header = ['64 in flight', 'calls/s', 'of stdio', 'of Unix + JSON', 'CPU s per 10,000']
  return table(
    header,
    available(summary, direction).map(([way, { many, against }]) => [
      way.name,
      number(many?.calls_per_s),
      ratio(against.stdio?.calls_per_s),
      ratio(against.unix?.calls_per_s),
      number(many?.cpu_s_per_10k, 2),
    ]),
  )
}

function first(summary, direction) {
  const header = [
    '30 calls',
    'first, total ms',
    'first, us a call',
    'warm, total ms',
    'warm, us a call',
    '8 ms apart, total ms',
    '8 ms apart, us a call',
  ]
  return table(
    header,
    available(summary, direction).map(([way, { burst, spaced }]) => [
      way.name,
      number(burst?.cold_total_us / 1000),
      number(burst?.cold_call_us),
      number(burst?.total_us / 1000),
      number(burst?.call_us),
      number(spaced?.total_us / 1000),
      number(spaced?.call_us),
    ]),
  )
}

const available = (summary, direction) => lanesOf(summary, direction).filter(([, result]) => !result.unavailable)

function directionSection(summary, direction) {
  const lanes = lanesOf(summary, direction)
  if (!lanes.length) return []
  const measured = work => lanes.some(([, result]) => result[work])
  const parts = [`## ${DIRECTION_NAMES[direction]}`, latency(summary, direction)]
  if (measured('many')) parts.push(throughput(summary, direction))
  if (measured('burst') || measured('spaced')) parts.push(first(summary, direction))
  return parts
}

/** Jobs that could not run, by the reason. */
function unavailable(results) {
  const reasons = new Map()
  for (const [id, { unavailable: reason }] of Object.entries(results)) {
    if (reason) reasons.set(reason, [...(reasons.get(reason) ?? []), id])
  }
  const lines = [...reasons].map(([reason, ids]) => `- ${reason}: ${ids.join(', ')}`)
  return lines.length ? ['## Not available', lines.join('\n')] : []
}

/** What is wrong with one result, if anything. */
function fault(id, result) {
  if (result?.error) return result.error
  if (!result?.transport || id.includes(`ipcbridge-${result.transport}`)) return null
  return `ran over ${result.transport}, not over what its name says`
}

function faults(results) {
  const lines = []
  for (const [id, { rounds }] of Object.entries(results)) {
    for (const [at, round] of rounds.entries()) {
      for (const [work, result] of Object.entries(round.error ? { all: round } : round)) {
        const found = fault(id, result)
        if (found) lines.push(`- ${id}, ${work}, round ${at + 1}: ${found}`)
      }
    }
  }
  return lines.length ? ['## Faults', lines.join('\n')] : []
}

function figureTable(summary) {
  const rows = figures(summary)
  if (rows.every(({ value }) => value === null)) return []
  const verdict = ok => (ok === null ? '–' : ok ? 'yes' : 'NO')
  return [
    '## Figures to reach',
    table(
      ['what', 'measured', 'floor', 'goal', 'floor met'],
      rows.map(({ what, value, floor, goal, ok }) => [what, value, floor, goal, verdict(ok)]),
    ),
  ]
}

export function markdown({ machine, settings, summary, results, date, took_s: took }) {
  return `${[
    '# Benchmark results',
    [
      `${date.slice(0, 10)}; ${settings.rounds} rounds, medians; windows of ${settings.seconds} s; seed ${settings.seed}; took ${took} s.`,
      'Every call sends a string of 10 bytes and gets one back. CPU: both processes, and the broker where there is one.',
      'Compare ratios, not microseconds, with other machines.',
    ].join('\n'),
    machineLines(machine)
      .map(line => `- ${line}`)
      .join('\n'),
    ...figureTable(summary),
    ...Object.keys(DIRECTION_NAMES).flatMap(direction => directionSection(summary, direction)),
    ...unavailable(results),
    ...faults(results),
  ].join('\n\n')}\n`
}
