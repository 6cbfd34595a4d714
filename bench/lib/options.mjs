import { parseArgs } from 'node:util'
import { DIRECTION_NAMES, WAYS } from './measurements.mjs'
import { SIZES } from './payloads.mjs'

const DIRECTIONS = Object.keys(DIRECTION_NAMES)

export const WORKS = [
  'burst',
  'spaced',
  'one',
  'many',
  'suspending',
  'plain',
  'alternating',
  'alternating-many',
  'threads',
  'streams',
  'callbacks',
  'submitted',
  'blocked',
  'beside',
  'connections',
  'workers',
  'idle',
  'payload',
  'records',
  'arrays',
  'core',
  'imports',
  'install',
]

const USAGE = `node bench/run.mjs [options]

  --quick            about 3 minutes: one round, short windows (results/quick.*)
  --rounds N         repetitions of everything; the tables show medians (default 5)
  --ways a,b         ${WAYS.map(way => way.id).join(', ')}
  --works a,b        ${WORKS.join(', ')}
  --sizes a,b        bytes of the payloads (default ${SIZES.join(', ')})
  --directions a,b   ${DIRECTIONS.join(', ')}
  --seconds S        length of a timed window (default 0.6)
  --seed N           of the order of the ways (default: drawn, and printed)
  --core-bin PATH    the C++ measurement (default build/dev/bench_core)
  --out DIR          where the results go (default bench/results)`

const list = (text, known) => {
  const names = text?.split(',').filter(Boolean)
  const stranger = names?.find(name => known && !known.includes(name))
  if (stranger) throw new Error(`unknown name ${stranger}; known: ${known.join(', ')}`)
  return names
}

function sizes(text) {
  const numbers = text?.split(',').filter(Boolean).map(Number)
  const stranger = numbers?.find(size => !Number.isSafeInteger(size) || size < 1 || size >= 2 ** 32)
  if (stranger !== undefined) throw new Error(`--sizes takes numbers of bytes, not ${text}`)
  return numbers?.toSorted((a, b) => a - b)
}

export function options(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      quick: { type: 'boolean' },
      help: { type: 'boolean' },
      rounds: { type: 'string' },
      ways: { type: 'string' },
      works: { type: 'string' },
      sizes: { type: 'string' },
      directions: { type: 'string' },
      seconds: { type: 'string' },
      seed: { type: 'string' },
      'core-bin': { type: 'string' },
      out: { type: 'string' },
    },
  })
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  const quick = values.quick ?? false
  return {
    quick,
    rounds: Number(values.rounds ?? (quick ? 1 : 5)),
    seconds: Number(values.seconds ?? (quick ? 0.25 : 0.6)),
    warmup: quick ? 0.1 : 0.2,
    idleSeconds: quick ? 2 : 5,
    importRuns: quick ? 10 : 40,
    ways: list(
      values.ways,
      WAYS.map(way => way.id),
    ),
    works: list(values.works, WORKS) ?? WORKS,
    directions: list(values.directions, DIRECTIONS),
    sizes: sizes(values.sizes),
    seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 31)),
    coreBinary: values['core-bin'],
    out: values.out,
    name: quick ? 'quick' : 'latest',
  }
}
