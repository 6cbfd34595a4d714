import type { KeptEvent } from './kept_back'
import { Metadata, onlyLinked } from './metadata'
import { Column } from './native'

/**
 * A call for which a thread is blocked carries a mark, which calls made by its handler carry on. What comes back to the
 * thread with that mark would wait for the thread, which waits for it.
 */
const own = [process.pid, Date.now(), Math.random() * 2 ** 52].map(part => part.toString(36)).join('.')
const digits = 8
let count = 0

/** The marks of what blocks this thread now. */
const blocking = new Set<string>()

/** Metadata of nothing but a mark, whose digits come last: encoded once, since most are like this. */
let plain: Buffer | undefined

/** A mark of its own. */
export function makeMark(): string {
  count = (count + 1) % 16 ** digits
  return own + count.toString(16).padStart(digits, '0')
}

export function marked(metadata: Metadata | undefined, mark: string): Metadata {
  if (metadata !== undefined) return metadata.linked(mark)
  plain ??= onlyLinked(mark).bytes
  const bytes = Buffer.from(plain)
  bytes.write(mark.slice(-digits), bytes.length - digits, 'latin1')
  return new Metadata(bytes)
}

/** Runs what waits for a call with this mark. */
export function whileBlocked<T>(mark: string, wait: () => T): T {
  blocking.add(mark)
  try {
    return wait()
  } finally {
    blocking.delete(mark)
  }
}

/** Whether an inbound call descends from one that blocks this thread. */
export function descends({ rows, event, bytes }: KeptEvent): boolean {
  const start = rows[event + Column.metadataStart] as number
  const end = rows[event + Column.metadataEnd] as number
  if (start === end || bytes === undefined) return false
  try {
    return new Metadata(bytes.subarray(start, end)).chain.some(mark => blocking.has(mark))
  } catch {
    return false // no map: the handler that asks for it is told
  }
}
