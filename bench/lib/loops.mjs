// The measuring loops. Only `call` differs between ways; loops.py has the same loops for Python.
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from './proc.mjs'
import { median, Samples } from './samples.mjs'
import { ARGUMENT, check } from './values.mjs'

const now = () => performance.now()

/** One call after the other until the time is over; the durations of the calls. */
async function sequential(call, seconds, samples) {
  const end = now() + seconds * 1000
  let before = now()
  while (before < end) {
    check(await call(ARGUMENT))
    const after = now()
    samples.add((after - before) * 1000)
    before = after
  }
}

async function burst(call, calls) {
  const begin = now()
  for (let i = 0; i < calls; i++) check(await call(ARGUMENT))
  return (now() - begin) * 1000
}

/** A program's first calls: back to back on a fresh connection, then again once everything is warm. */
export async function bursts(call, { calls, repeats, pause, warmup }) {
  const cold = await burst(call, calls)
  await sequential(call, warmup, new Samples())
  const totals = []
  for (let i = 0; i < repeats; i++) {
    await sleep(pause * 1000)
    totals.push(await burst(call, calls))
  }
  const warm = median(totals)
  return { cold_total_us: cold, cold_call_us: cold / calls, total_us: warm, call_us: warm / calls }
}

/** Calls with a pause between them; only the calls are timed. */
export async function spaced(call, { calls, gap, warmup }) {
  await sequential(call, warmup, new Samples())
  const durations = []
  for (let i = 0; i < calls; i++) {
    await sleep(gap * 1000)
    const before = now()
    check(await call(ARGUMENT))
    durations.push((now() - before) * 1000)
  }
  return { total_us: durations.reduce((a, b) => a + b, 0), call_us: median(durations) }
}

/** One in flight. */
export async function one(call, { seconds, warmup, pids }) {
  await sequential(call, warmup, new Samples())
  const samples = new Samples()
  const before = cpuSeconds(pids)
  await sequential(call, seconds, samples)
  const cpu = cpuSeconds(pids) - before
  const summary = samples.summary()
  return { ...summary, cpu_s_per_10k: (cpu / summary.calls) * 10000 }
}

async function keepCalling(call, depth, seconds) {
  const end = now() + seconds * 1000
  const caller = async () => {
    let calls = 0
    while (now() < end) {
      check(await call(ARGUMENT))
      calls++
    }
    return calls
  }
  const counts = await Promise.all(Array.from({ length: depth }, caller))
  return counts.reduce((a, b) => a + b, 0)
}

/** `depth` calls in flight at any time. */
export async function many(call, { depth, seconds, warmup, pids }) {
  await keepCalling(call, depth, warmup)
  const cpuBefore = cpuSeconds(pids)
  const begin = now()
  const calls = await keepCalling(call, depth, seconds)
  const elapsed = (now() - begin) / 1000
  const cpu = cpuSeconds(pids) - cpuBefore
  return { calls, calls_per_s: calls / elapsed, cpu_s_per_10k: (cpu / calls) * 10000 }
}

/** `fast` calls started together with one that blocks for `block` seconds, again and again. */
export async function beside(call, slow, { fast, block, repeats, warmup }) {
  await sequential(call, warmup, new Samples())
  const samples = new Samples()
  const timed = async () => {
    const before = now()
    check(await call(ARGUMENT))
    samples.add((now() - before) * 1000)
  }
  for (let i = 0; i < repeats; i++) {
    const blocked = slow(block * 1000)
    await Promise.all(Array.from({ length: fast }, timed))
    await blocked
  }
  return samples.summary()
}
