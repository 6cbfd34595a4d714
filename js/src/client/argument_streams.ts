import { currentCall, enter, runWith } from '../current_call'
import { IpcError } from '../errors'
import { log } from '../log'
import { shownError } from '../printed'
import { placeBehind, type StreamKey } from '../streams/open_streams'
import { discard, produce } from '../streams/produce'
import type { Host } from '../streams/producer'
import { isAsyncSource } from '../values'

/** What of a call's arguments is streamed. It ends with the call, if it has not begun by then. */
export class ArgumentStreams implements Host {
  private sources: readonly object[] | undefined
  private first: StreamKey | undefined
  private readonly count: number
  /** The call on whose behalf the other is made. */
  private readonly served = currentCall()

  constructor(
    sources: readonly object[],
    /** The method that is called. */
    private readonly method: string,
  ) {
    this.sources = sources
    this.count = sources.length
  }

  /** Throws 'failed_precondition' where one waits for promises, which do not settle while the thread is blocked. */
  expectSync(): void {
    if (!this.sources?.some(isAsyncSource)) return
    const message = `${this.method}() blocks the thread, and an asynchronous stream among its arguments would wait for it`
    throw new IpcError('failed_precondition', message)
  }

  has({ connection, id }: StreamKey): boolean {
    const { first } = this
    if (first === undefined || connection !== first.connection) return false
    const place = placeBehind(first, id)
    return place >= 0 && place < this.count
  }

  begin(first: StreamKey): void {
    const { sources } = this
    this.sources = undefined
    this.first = first
    if (sources !== undefined) produce(first, sources, this)
  }

  discard(): void {
    const { sources } = this
    this.sources = undefined
    if (sources !== undefined) discard(sources, this)
  }

  run<R>(code: () => R): R {
    const before = enter(this.served)
    try {
      return code()
    } finally {
      enter(before)
    }
  }

  runAsync<R>(code: () => R): R {
    return this.served === undefined ? code() : (runWith(this.served, code, undefined, []) as R)
  }

  readonly expose = true

  mapped(error: unknown): unknown {
    return error
  }

  unsendable(error: unknown): unknown {
    return error
  }

  // What the handler makes of it comes back with the answer.
  failed(): void {}

  failedToClean(error: unknown): void {
    log(`ipcbridge: a stream that was passed to ${this.method}() failed when it was ended:`, () => shownError(error))
  }

  cancelled(): void {}

  over(): void {}
}
