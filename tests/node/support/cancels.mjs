// Calls that are cancelled at random moments, many of them in flight.

import ipc from 'ipcbridge'

const inFlight = 64

/** Numbers below 1, the same in each run (mulberry32). */
export function numbers(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** What a call may be, and when it is cancelled: 'wait' always, for it would take an hour. */
function kindOfCall(random) {
  const kind = random()
  if (kind < 0.4) return { method: 'add', args: [1, 2] }
  if (kind < 0.7) return { method: 'sleep', args: [2 * random()] }
  return { method: 'wait', args: [3_600_000], isEndless: true }
}

const moments = [
  abort => abort(),
  abort => queueMicrotask(abort),
  abort => setImmediate(abort),
  (abort, random) => setTimeout(abort, 2 * random()),
]

/** Makes a call, and cancels it by its signal or its timeout, or not at all. Its code; 'ended' for none. */
async function makeCall(remote, random) {
  const { method, args, isEndless } = kindOfCall(random)
  const way = random()
  const controller = new AbortController()
  const options = way < 0.2 ? { timeout: 2 * random() } : { signal: controller.signal }
  const call = ipc.withOptions(remote, options)[method](...args)
  const moment = moments[Math.floor(random() * moments.length)]
  if (way >= 0.2 && (isEndless || way < 0.8)) moment(() => controller.abort(), random)
  return call.then(
    () => 'ended',
    error => error.code,
  )
}

/** So many calls of `add`, and of `sleep` and `wait`, which take milliseconds. How many of them ended in which way. */
export async function cancelMany(remote, count, random) {
  const outcomes = { ended: 0, cancelled: 0, deadline_exceeded: 0 }
  let left = count
  const worker = async () => {
    while (left-- > 0) outcomes[await makeCall(remote, random)]++
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return outcomes
}
