import { attach, codeNumber, failure, isBlocked, native, share, shareItems } from '../runtime'
import { codeOf, encodeError, ItemWriter, messageOf, type Outgoing } from '../values'
import { addStream, removeStream, type StreamEnd, type StreamKey } from './open_streams'

/** On whose behalf the items of a stream are made. */
export interface Host {
  /** Runs the user's code. */
  run<R>(code: () => R): R
  /** The same of code that goes on when it has returned. */
  runAsync<R>(code: () => R): R
  /** Whether what an error carries travels with it. */
  readonly expose: boolean
  /** What to tell in place of what the iterator has thrown. */
  mapped(error: unknown): unknown
  /** What to tell of an item that cannot be sent. */
  unsendable(error: unknown): unknown
  /** The stream has ended with this error, which the reader has been told; `isUnsendable`: of an item that cannot be sent. */
  failed(error: unknown, isUnsendable: boolean): void
  /** Cleaning up threw this, which nobody has been told. */
  failedToClean(error: unknown): void
  /** The reader wants no more of it. */
  cancelled(): void
  /** The stream has ended, one way or another. */
  over(): void
}

export type Cleaner = Pick<Host, 'run' | 'runAsync' | 'failedToClean'>

/** A message is sent when it has so many items, or bytes. */
export const mostItems = 512
const mostBytes = 16 * 1024

// As it was before a test replaced it by a clock of its own.
const { now } = Date

const spareWriters: ItemWriter[] = []
const mostSpareWriters = 16

/** Sends the items that an iterator makes, as there is room for them: the writing end of a stream. */
export abstract class Producer implements StreamEnd {
  /** Whether the iterator goes on when it has returned. */
  protected abstract readonly isAsync: boolean
  protected isOver = false
  /** How many items may be sent; below zero it is the reason why none may be any more. */
  protected room = 0
  /** Has the items that have not been sent. */
  private writer: ItemWriter | undefined
  private began = 0

  constructor(
    readonly key: StreamKey,
    protected readonly iterator: AsyncIterator<unknown> | Iterator<unknown>,
    protected readonly host: Host,
  ) {
    addStream(this)
  }

  /** So many items may be sent, as far as is known. */
  abstract start(room: number): void
  abstract onRoom(): void

  onCancel(): void {
    if (this.isOver) return
    this.over()
    this.host.cancelled()
    this.clean()
  }

  /** The event loop gets its turn about a millisecond from now. */
  protected beginSlice(): void {
    this.began = now()
  }

  protected isTimeUp(): boolean {
    return now() !== this.began && !isBlocked()
  }

  protected get unsent(): number {
    return this.writer === undefined ? 0 : this.writer.count
  }

  /** Whether the message that is being made should be sent before another item is added. */
  protected isFull(most: number): boolean {
    const { writer } = this
    return writer !== undefined && (writer.count >= most || writer.size >= mostBytes || writer.hasAttached)
  }

  /** Adds an item to the message. False when it cannot be sent, which has ended the stream. */
  protected add(item: unknown): boolean {
    if (this.writer === undefined) {
      this.writer = spareWriters.pop() ?? new ItemWriter()
      this.writer.start()
    }
    try {
      this.writer.add(item)
      return true
    } catch (error) {
      this.fail(this.host.unsendable(error), true)
      this.clean()
      return false
    }
  }

  /** Where no room is known, learns how much there is. False when nobody wants it any more, which has ended the stream. */
  protected mayGoOn(): boolean {
    return this.room > 0 ? !this.isOver : this.askRoom()
  }

  private askRoom(): boolean {
    this.room = native().streamRoom(this.key.connection, this.key.id)
    return this.heedRoom()
  }

  /** Sends the message that has been made, where there is room for it. False when the stream has ended. */
  protected flush(): boolean {
    const { writer } = this
    if (writer === undefined || (this.room === 0 && writer.count > 0 && !this.isOver)) return !this.isOver
    this.writer = undefined
    const unsendable = this.isOver ? undefined : this.send(writer)
    if (spareWriters.length < mostSpareWriters) spareWriters.push(writer)
    if (!this.heedRoom()) return false
    if (unsendable === undefined) return true
    this.fail(this.host.unsendable(unsendable), true)
    this.clean()
    return false
  }

  /** What is wrong with the last item, if something is: a getter of the user's has transferred some of it. */
  private send(writer: ItemWriter): unknown {
    let attached: readonly Outgoing[] = []
    let unsendable: unknown
    try {
      attached = writer.takeAttached()
    } catch (error) {
      unsendable = error
    }
    if (writer.count === 0) return unsendable
    writer.finish()
    shareItems(writer.buffer)
    attach(attached)
    this.room = native().sendItems(this.key.connection, this.key.id, writer.size)
    return unsendable
  }

  private heedRoom(): boolean {
    if (this.isOver) return false
    const { room } = this
    if (room >= 0) return true
    this.room = 0
    const error = failure(-room, native().lastError())
    if (error.code === 'cancelled') this.onCancel()
    else {
      this.fail(this.host.unsendable(error), true)
      this.clean()
    }
    return false
  }

  /** The iterator has come to its end. */
  protected finish(): void {
    if (!this.flush()) return
    native().endStream(this.key.connection, this.key.id, 0, '', 0)
    this.over()
  }

  /** Ends the stream with an error. */
  protected fail(thrown: unknown, isUnsendable = false): void {
    if (!this.flush()) return
    const error = isUnsendable ? thrown : this.host.mapped(thrown)
    const details = encodeError(error, { expose: this.host.expose })
    share(details)
    native().endStream(this.key.connection, this.key.id, codeNumber(codeOf(error)), messageOf(error), details.length)
    this.over()
    this.host.failed(error, isUnsendable)
  }

  private over(): void {
    this.isOver = true
    removeStream(this.key)
    this.host.over()
  }

  /** Has the iterator clean up; nobody waits for that. */
  private clean(): void {
    settle(() => this.iterator.return?.(), this.host, this.isAsync)
  }
}

/** Runs what cleans up; what it gives does not matter. */
export function settle(clean: () => unknown, host: Cleaner, isAsync = false): void {
  try {
    Promise.resolve(isAsync ? host.runAsync(clean) : host.run(clean)).then(undefined, error =>
      host.failedToClean(error),
    )
  } catch (error) {
    host.failedToClean(error)
  }
}
