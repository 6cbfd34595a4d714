/// <reference lib="esnext.disposable" preserve="true" />
import { inspect } from 'node:util'
import { markInstances } from '../brand'
import { IpcError, trimStack } from '../errors'
import { streamMark } from '../values'
import { cancelWhenDropped } from './dropped'
import { retainItems } from './given'
import { InboundStream } from './inbound'

/** Where the items of a Stream come from. */
export interface Items {
  /** Whether nothing more comes, and all that came was read. */
  readonly isSpent: boolean
  next(): Promise<IteratorResult<unknown>>
  /** Nobody looks at the item that was given last any more. */
  leaveItem(): void
  /** Its items stay, whoever asks for the next. */
  retainItems(): void
  /** Ends it: its reader wants no more of it. */
  cancel(): void
}

/**
 * A stream that the other side sends: an AsyncIterable of its items, to be read once, by one reader. Leaving a loop over it
 * early, `close()` and dropping it end it on the other side as well, and run the `finally` of what makes the items.
 *
 * The arrays of an item that lie in memory of their own, as large ones do, are empty when the next item is asked for, or the loop is
 * left: `retain(array)` keeps one, `retain(stream)` and `toArray()` keep all. Buffers stay.
 *
 * Reading rejects with what the other side threw, and as a call does: with 'unavailable' and `sent: 'maybe'` when the
 * connection is lost, 'cancelled' and 'deadline_exceeded' where the call's options say so.
 */
export class Stream<T> implements AsyncIterable<T>, AsyncDisposable {
  readonly #items: Items
  #isRead = false
  /** For `await using`: closes the stream, where the runtime knows of it. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>

  /** @internal */
  constructor(items: Items) {
    this.#items = items
    cancelWhenDropped(this, items)
    const { asyncDispose } = Symbol as { asyncDispose?: symbol }
    if (asyncDispose !== undefined && !(asyncDispose in Stream.prototype)) defineDispose(asyncDispose)
  }

  /** @internal What an arrived stream is read from; undefined of anything else. */
  static inboundOf(value: unknown): InboundStream | undefined {
    if (typeof value !== 'object' || value === null || !(#items in value)) return undefined
    return value.#items instanceof InboundStream ? value.#items : undefined
  }

  /** @internal */
  [retainItems](): void {
    this.#items.retainItems()
  }

  /** Throws 'failed_precondition' when somebody reads it already. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    if (this.#isRead) {
      throw trimStack(new IpcError('failed_precondition', 'the stream is being read, or was read: it has one reader'))
    }
    this.#isRead = true
    return new StreamIterator<T>(this, this.#items)
  }

  /** Ends it here and on the other side. Whoever waits for an item finds it at its end. Never rejects. */
  async close(): Promise<void> {
    this.#items.cancel()
  }

  /** All items, to its end; rejects as a loop over it does. */
  async toArray(): Promise<T[]> {
    this[retainItems]()
    const items: T[] = []
    for await (const item of this) items.push(item)
    return items
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    return '[Stream]'
  }
}

markInstances(Stream, streamMark)

function defineDispose(name: symbol): void {
  const value = function (this: Stream<unknown>) {
    return this.close()
  }
  Object.defineProperty(Stream.prototype, name, { value })
}

class StreamIterator<T> implements AsyncIterableIterator<T> {
  constructor(
    /** As long as somebody reads, the stream is not dropped. */
    readonly stream: Stream<T>,
    private readonly items: Items,
  ) {}

  next(): Promise<IteratorResult<T>> {
    this.items.leaveItem()
    return this.items.next() as Promise<IteratorResult<T>>
  }

  async return(value?: unknown): Promise<IteratorResult<T>> {
    this.items.leaveItem()
    this.items.cancel()
    return { done: true, value }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
