// Many streams and callbacks that are open together; many.py does the same under asyncio.
import ipc from 'ipcbridge'

const never = new Promise(() => {})

/** One item is read of each stream, and each callback is called and does not return. */
export async function openMany(remote, count) {
  const [begun, cancelled] = [countdown(count), countdown(count)]
  const callback = () => {
    ipc.context().signal.addEventListener('abort', cancelled.count)
    begun.count()
    return never
  }
  const streams = await Promise.all(Array.from({ length: count }, () => remote.numbers(1e9)))
  const readers = streams.map(stream => stream[Symbol.asyncIterator]())
  for (const reader of readers) await reader.next()
  const calls = Array.from({ length: count }, () => remote.each([1], callback))
  const outcomes = Promise.allSettled(calls)
  await begun.done
  return { readers, outcomes, cancelled: cancelled.done }
}

function countdown(left) {
  const made = {}
  made.done = new Promise(resolve => {
    made.count = () => --left === 0 && resolve()
  })
  return made
}

/** How they have ended, once the other side has gone and each callback has heard of it. */
export async function loseMany({ readers, outcomes, cancelled }) {
  const codes = {}
  const ends = [...(await Promise.allSettled(readers.map(toTheEnd))), ...(await outcomes)]
  for (const { reason } of ends) {
    const key = reason === undefined ? 'none' : `${reason.code}, sent ${reason.sent}`
    codes[key] = (codes[key] ?? 0) + 1
  }
  await cancelled
  return codes
}

async function toTheEnd(reader) {
  while (!(await reader.next()).done);
}
