// The tables of a run.
import { faults, unavailable } from './faults.mjs'
import { figures } from './figures.mjs'
import { machineLines } from './machine.mjs'
import { number, ratio, table } from './markdown.mjs'
import { DIRECTION_NAMES, WAYS } from './measurements.mjs'
import { WORKS } from './options.mjs'
import { payloadTables } from './payload_tables.mjs'

const resultsOf = (summary, direction) =>
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
    resultsOf(summary, direction).map(([way, { one, against, unavailable }]) =>
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

/** Handlers that suspend, and plain ones in a service that also has `async def`. */
function handlers(summary, direction) {
  const header = [
    'handlers of one service',
    'suspends once, p50 us',
    'faster than Unix + JSON',
    'plain, p50 us',
    'alternating, p50 us',
    'alternating, 64 in flight, calls/s',
  ]
  const base = summary[`unix/${direction}`]?.suspending?.p50_us
  return table(
    header,
    available(summary, direction).map(([way, { suspending, plain, alternating, ...others }]) => [
      way.name,
      number(suspending?.p50_us),
      ratio(base / suspending?.p50_us),
      number(plain?.p50_us),
      number(alternating?.p50_us),
      number(others['alternating-many']?.calls_per_s),
    ]),
  )
}

/** Threads of Python that share one blocking client, beside tasks that share one of asyncio. */
function sharedClient(summary, direction) {
  const threads = summary[`threads/ipcbridge-shm/${direction}`]
  if (!threads || threads.unavailable) return []
  const rows = Object.entries(threads).filter(([count]) => Number(count))
  const tasks = summary[`ipcbridge-shm/${direction}`]?.many
  return [
    table(
      ['one client of ipcbridge shm', 'calls/s', "of one thread's", 'calls of each thread', 'CPU s per 10,000'],
      [...rows.map(([count, result]) => [`${count} thread${count === '1' ? '' : 's'}`, result]), ['64 tasks', tasks]]
        .filter(([, result]) => result)
        .map(([name, result]) => [
          name,
          number(result.calls_per_s),
          ratio(result.calls_per_s / threads[1]?.calls_per_s),
          result.most_calls && `${number(result.fewest_calls)} to ${number(result.most_calls)}`,
          number(result.cpu_s_per_10k, 2),
        ]),
    ),
  ]
}

const available = (summary, direction) => resultsOf(summary, direction).filter(([, result]) => !result.unavailable)

function directionSection(summary, direction) {
  const results = resultsOf(summary, direction)
  const measured = (...works) => works.some(work => results.some(([, result]) => result[work]))
  const parts = []
  if (measured('one', 'unavailable')) parts.push(latency(summary, direction))
  if (measured('many')) parts.push(throughput(summary, direction))
  parts.push(...sharedClient(summary, direction))
  if (measured('suspending', 'plain', 'alternating', 'alternating-many')) parts.push(handlers(summary, direction))
  if (measured('burst', 'spaced')) parts.push(first(summary, direction))
  return parts.length ? [`## ${DIRECTION_NAMES[direction]}`, ...parts] : []
}

function figureTable(summary, { works }) {
  // Of chosen works only what they tell.
  const rows = figures(summary).filter(({ value }) => value !== null || works.length === WORKS.length)
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
    ...figureTable(summary, settings),
    ...Object.keys(DIRECTION_NAMES).flatMap(direction => directionSection(summary, direction)),
    ...payloadTables(summary),
    ...unavailable(results),
    ...faults(results),
  ].join('\n\n')}\n`
}
