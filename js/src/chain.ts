import type { KeptEvent } from './kept_back'
import { Metadata, onlyLinked } from './metadata'
import { Column } from './native'

/**
 * A call for which a thread is blocked carries a mark, which calls made by its handler carry on. What comes back to the
 * thread with that mark would wait for the thread, which waits for it.
 */
export type Mark = number

const own = [process.pid, Date.now(), Math.random() * 2 ** 52].map(part => part.toString(36)).join('.')
const digits = 8
const [zero, nine] = ['0'.charCodeAt(0), '9'.charCodeAt(0)]
let count = 0

/** The marks of what blocks this thread now, the innermost last. */
const blocking: Mark[] = []

/** Metadata of nothing but the newest mark, whose digits come last: most calls have no others, and this costs them no encoding. */
let plain: Metadata | undefined

export function makeMark(): Mark {
  count = (count + 1) % 10 ** digits
  if (plain !== undefined) increment(plain.bytes)
  return count
}

/** The number that a text ends with. */
function increment(text: Uint8Array): void {
  for (let at = text.length - 1; at >= text.length - digits; at--) {
    if ((text[at] as number) < nine) {
      ;(text[at] as number)++
      return
    }
    text[at] = zero
  }
}

function textOf(mark: Mark): string {
  return own + String(mark).padStart(digits, '0')
}

/** The metadata of a call with the mark that was made last. To be sent before another is made. */
export function withMark(metadata: Metadata | undefined, mark: Mark): Metadata {
  if (metadata !== undefined) return metadata.linked(textOf(mark))
  plain ??= onlyLinked(textOf(mark))
  return plain
}

/** Runs what waits for a call with this mark. */
export function whileBlocked(mark: Mark, wait: () => void): void {
  blocking.push(mark)
  try {
    wait()
  } finally {
    blocking.pop()
  }
}

/** Whether an inbound call descends from one that blocks this thread. */
export function descends({ rows, event, bytes }: KeptEvent): boolean {
  const start = rows[event + Column.metadataStart] as number
  const end = rows[event + Column.metadataEnd] as number
  if (start === end || bytes === undefined) return false
  try {
    const { chain } = new Metadata(bytes.subarray(start, end))
    return blocking.some(mark => chain.includes(textOf(mark)))
  } catch {
    return false // no map: the handler that asks for it is told
  }
}
