import { inspect } from 'node:util'
import { IpcError, trimmed } from '../errors'
import { retainItems } from '../streams/given'
import type { Stream } from '../streams/stream'
import type { BlockingItems } from './blocking'

/**
 * A stream that the other side sends to a thread which waits for each item, blocked: to be read once. Leaving a loop over it
 * early and `close()` end it on the other side as well. Its items stay as those of a `Stream` do.
 *
 * Reading throws what the other side threw, and as a call does: 'unavailable' and `sent: 'maybe'` when the connection is lost,
 * 'deadline_exceeded' when the call's `timeout` or `idleTimeout` has passed.
 */
export class SyncStream<T> implements Iterable<T> {
  /** Dropping it would end it on the other side. */
  readonly #stream: Stream<T>
  readonly #items: BlockingItems
  #isRead = false

  /** @internal */
  constructor(stream: Stream<T>, items: BlockingItems) {
    this.#stream = stream
    this.#items = items
  }

  /** @internal */
  [retainItems](): void {
    this.#stream[retainItems]()
  }

  /** Throws 'failed_precondition' when somebody reads it already. */
  [Symbol.iterator](): IterableIterator<T> {
    return trimmed(() => {
      if (this.#isRead) {
        throw new IpcError('failed_precondition', 'the stream is being read, or was read: it has one reader')
      }
      this.#isRead = true
      return new SyncIterator<T>(this, this.#items)
    })
  }

  /** Ends it here and on the other side. Never throws. */
  close(): void {
    void this.#stream.close()
  }

  /** All items, to its end; throws what a loop over it does. */
  toArray(): T[] {
    this[retainItems]()
    return [...this]
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    return '[SyncStream]'
  }
}

class SyncIterator<T> implements IterableIterator<T> {
  constructor(
    private readonly stream: SyncStream<T>,
    private readonly items: BlockingItems,
  ) {}

  next(): IteratorResult<T> {
    return trimmed(() => this.items.next()) as IteratorResult<T>
  }

  return(value?: unknown): IteratorResult<T> {
    this.items.leaveItem()
    this.stream.close()
    return { done: true, value }
  }

  [Symbol.iterator](): this {
    return this
  }
}
