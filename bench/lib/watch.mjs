// The memory of processes while they work.
import { readFileSync } from 'node:fs'
import { memory } from './proc.mjs'

/** KiB that the processes have in memory, what they share counted once. */
export function resident(pids) {
  let sum = 0
  for (const pid of pids) sum += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))[1])
  return sum
}

const mappedSegments = pids => new Set(pids.flatMap(pid => [...memory(pid).segments.keys()])).size

/** Awaits `work` and returns the most that the processes had meanwhile, looking every few milliseconds. */
export async function most(pids, everyMs, work) {
  const found = { resident_kib: 0, segments: 0 }
  const look = () => {
    found.resident_kib = Math.max(found.resident_kib, resident(pids))
    found.segments = Math.max(found.segments, mappedSegments(pids))
  }
  const timer = setInterval(look, everyMs)
  try {
    await work
  } finally {
    clearInterval(timer)
  }
  return found
}
