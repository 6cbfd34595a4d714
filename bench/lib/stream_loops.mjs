// The measuring loops of streams, callbacks and calls that block; stream_loops.py has the same for Python.
import { cpuSeconds } from './proc.mjs'
import { Samples } from './samples.mjs'
import { ARGUMENT, check } from './values.mjs'

const now = () => performance.now()

/** Streams of `count` small items, one after the other until the time is over; how many items came. */
async function read(stream, count, seconds) {
  const end = now() + seconds * 1000
  let items = 0
  while (now() < end) {
    let next = 0
    for await (const item of stream(count)) if (item !== next++) throw new Error(`wrong item: ${item}`)
    if (next !== count) throw new Error(`${next} items in place of ${count}`)
    items += next
  }
  return items
}

export async function items(stream, { count, seconds, warmup, pids }) {
  await read(stream, count, warmup)
  const cpuBefore = cpuSeconds(pids)
  const begin = now()
  const total = await read(stream, count, seconds)
  const elapsed = (now() - begin) / 1000
  return { items_per_s: total / elapsed, cpu_s_per_million: ((cpuSeconds(pids) - cpuBefore) / total) * 1e6 }
}

/** In turn with a call, for `seconds`: the two p50. `act` is timed, as its user has it; then `finish` does what is left of it. */
async function besideCalls(call, act, finish, seconds) {
  const [acts, calls] = [new Samples(), new Samples()]
  const end = now() + seconds * 1000
  while (now() < end) {
    const begin = now()
    const acting = act()
    const result = acting instanceof Promise ? await acting : acting // what blocks waits for no job
    const middle = now()
    await finish(result)
    const second = now()
    check(await call(ARGUMENT))
    calls.add((now() - second) * 1000)
    acts.add((middle - begin) * 1000)
  }
  return { p50_us: acts.summary().p50_us, call_p50_us: calls.summary().p50_us }
}

async function warmedUp(call, act, finish, { seconds, warmup }) {
  await besideCalls(call, act, finish, warmup)
  return besideCalls(call, act, finish, seconds)
}

/** The first item of a stream that has two. */
export function first(call, stream, settings) {
  let iterator
  const act = () => {
    iterator = stream(2)[Symbol.asyncIterator]()
    return iterator.next()
  }
  const finish = async ({ value }) => {
    if (value !== 0) throw new Error('wrong item')
    while (!(await iterator.next()).done);
  }
  return warmedUp(call, act, finish, settings)
}

/** One of `count` round trips of a callback within a call. */
export async function callbacks(call, callBack, { count, ...settings }) {
  const result = await warmedUp(call, () => callBack(count, text => text), check, settings)
  return { ...result, p50_us: (result.p50_us - result.call_p50_us) / count }
}

/** A call that blocks its thread. */
export function blocked(call, callBlocking, settings) {
  return warmedUp(call, () => callBlocking(ARGUMENT), check, settings)
}
