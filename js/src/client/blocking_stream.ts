import { inspect } from 'node:util'
import { IpcError, trimmed } from '../errors'
import type { InboundStream } from '../streams/inbound'
import type { BlockingItems } from './blocking'

/**
 * A stream that the other side sends to a thread which waits for each item, blocked: to be read once. Leaving a loop over it
 * early and `close()` end it on the other side as well.
 *
 * Reading throws what the other side threw, and as a call does: 'unavailable' and `sent: 'maybe'` when the connection is lost,
 * 'deadline_exceeded' when the call's `timeout` or `idleTimeout` has passed.
 */
export class SyncStream<T> implements Iterable<T> {
  readonly #inbound: InboundStream
  readonly #items: BlockingItems
  #isRead = false

  /** @internal */
  constructor(inbound: InboundStream, items: BlockingItems) {
    this.#inbound = inbound
    this.#items = items
  }

  /** Throws 'failed_precondition' when somebody reads it already. */
  [Symbol.iterator](): IterableIterator<T> {
    return trimmed(() => {
      if (this.#isRead) {
        throw new IpcError('failed_precondition', 'the stream is being read, or was read: it has one reader')
      }
      this.#isRead = true
      return new SyncIterator<T>(this.#inbound, this.#items)
    })
  }

  /** Ends it here and on the other side. */
  close(): void {
    this.#inbound.cancel()
  }

  /** All items, to its end. */
  toArray(): T[] {
    return [...this]
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    return '[SyncStream]'
  }
}

class SyncIterator<T> implements IterableIterator<T> {
  constructor(
    private readonly inbound: InboundStream,
    private readonly items: BlockingItems,
  ) {}

  next(): IteratorResult<T> {
    return trimmed(() => this.items.next()) as IteratorResult<T>
  }

  return(value?: unknown): IteratorResult<T> {
    this.inbound.cancel()
    return { done: true, value }
  }

  [Symbol.iterator](): this {
    return this
  }
}
