import { log } from '../log'
import { shownError } from '../printed'
import { discardSource, openSource } from '../values'
import { settle } from './producer'
import type { Items } from './stream'

const done: IteratorResult<unknown> = { done: true, value: undefined }

const cleaner = {
  run: <R>(code: () => R) => code(),
  runAsync: <R>(code: () => R) => code(),
  failedToClean(error: unknown) {
    log('ipcbridge: a stream that a middleware has made failed when it was closed:', () => shownError(error))
  },
}

/** What the items are made of, which the code may be waiting for. */
export interface Origin {
  closeStream(): void
  retainItems(): void
}

/** Items that code of this process makes, to be read as what the other side sends is. */
export class LocalItems implements Items {
  private iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined
  private isOver = false

  constructor(
    private readonly source: object,
    private readonly origin: Origin,
  ) {}

  get isSpent(): boolean {
    return this.isOver
  }

  async next(): Promise<IteratorResult<unknown>> {
    if (this.isOver) return done
    try {
      this.iterator ??= openSource(this.source).iterator
      const result = await this.iterator.next()
      if (result.done === true) this.isOver = true
      return this.isOver ? done : result
    } catch (error) {
      if (this.isOver) return done
      this.isOver = true
      throw error
    }
  }

  /** The code asks for the next of what it makes them of. */
  leaveItem(): void {}

  retainItems(): void {
    this.origin.retainItems()
  }

  cancel(): void {
    if (this.isOver) return
    this.isOver = true
    const { iterator, source } = this
    settle(() => (iterator === undefined ? discardSource(source) : iterator.return?.()), cleaner)
    this.origin.closeStream()
  }
}
