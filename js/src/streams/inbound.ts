import { errorOf } from '../ended'
import { failLater, type IpcError } from '../errors'
import { Column, Control, wideNumber } from '../native'
import { control, isDelivering, native, table } from '../runtime'
import { type AttachedBuffers, attachedTo, type DecodeOptions, decode, itemAt } from '../values'
import { GivenMemory, releaseUnread } from './given'
import { addStream, removeStream, type StreamEnd, type StreamKey } from './open_streams'

/** The longest that a timer takes. */
const longestTimer = 2 ** 31 - 1

/** Items that came in one message. */
interface Batch {
  bytes: Buffer
  at: number
  end: number
  /** How many have not been taken. */
  left: number
  count: number
  /** In bytes, as the window counts. */
  size: number
  attached: AttachedBuffers | undefined
}

interface Waiter {
  resolve(result: IteratorResult<unknown> | Promise<never>): void
}

/** What ends a stream from this side, and the errors that tell of it. */
export interface Limits {
  /** On the clock of performance.now(); Infinity: never. */
  deadline: number
  /** Between items, in ms. */
  idleTimeout: number
  late(): IpcError
  idle(): IpcError
}

const done: IteratorResult<unknown> = { done: true, value: undefined }

/** A loop copies a few bytes before the built-in function has begun. */
const fewBytes = 64

function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const size = end - start
  const copy = Buffer.allocUnsafe(size)
  if (size > fewBytes) bytes.copy(copy, 0, start, end)
  else for (let at = 0; at < size; at++) copy[at] = bytes[start + at] as number
  return copy
}

/**
 * The reading end of a stream: the items that have arrived, each batch as it came. It stands in the table of open
 * streams, and so keeps in memory what it refers to: never the Stream that its user has, which may be dropped.
 */
export class InboundStream implements StreamEnd {
  private readonly batches: Batch[] = []
  private current: Batch | undefined
  private readonly given = new GivenMemory()
  private readonly waiters: Waiter[] = []
  /** By its sender, its connection or this side. */
  private isOver = false
  private error: Error | undefined
  private limits: Limits | undefined
  private deadlineTimer: NodeJS.Timeout | undefined
  private idleTimer: NodeJS.Timeout | undefined
  /** Undoes what a signal needs, when nothing is left to read. */
  whenOver: (() => void) | undefined
  /** Whose result it is of: errors name it. */
  method: string | undefined
  /** Told when nothing more comes. */
  whenEnded: (() => void) | undefined

  constructor(
    readonly key: StreamKey,
    private readonly decoding: DecodeOptions | undefined,
    /** Kept in memory until the stream is over. */
    readonly owner: object | undefined,
  ) {
    addStream(this)
  }

  limit(limits: Limits): void {
    this.limits = limits
    if (limits.deadline !== Number.POSITIVE_INFINITY) this.watchDeadline(limits)
  }

  private watchDeadline(limits: Limits): void {
    const left = limits.deadline - performance.now()
    if (left <= 0) this.fail(limits.late())
    else
      this.deadlineTimer = setTimeout(() => this.watchDeadline(limits), Math.min(Math.ceil(left), longestTimer)).unref()
  }

  /** The next item. A promise of its own for each: they settle in the order of the calls. */
  next(): Promise<IteratorResult<unknown>> {
    if (this.waiters.length === 0) {
      try {
        if (this.hasItem()) return Promise.resolve({ done: false, value: this.take() })
      } catch (error) {
        return failLater(error)
      }
      if (this.isOver) return this.error === undefined ? Promise.resolve(done) : this.reject()
    }
    return new Promise(resolve => this.wait({ resolve }))
  }

  get isSpent(): boolean {
    return this.isOver && !this.hasItem()
  }

  /** Whether there is an item, or the end. */
  get isReady(): boolean {
    return this.hasItem() || this.isOver
  }

  /**
   * For who waits without an event loop, whose timers do not run, since that time on the clock of performance.now(): for how
   * many ms more. Ends the stream when that is over.
   */
  timeLeft(since: number): number {
    const { limits } = this
    if (limits === undefined) return Number.POSITIVE_INFINITY
    const now = performance.now()
    const [left, idle] = [limits.deadline - now, since + limits.idleTimeout - now]
    if (left <= 0) this.fail(limits.late())
    else if (idle <= 0) this.fail(limits.idle())
    return Math.min(left, idle)
  }

  /** The next item that is ready, or the end; throws what has ended the stream. */
  takeNext(): IteratorResult<unknown> {
    if (this.hasItem()) return { done: false, value: this.take() }
    const { error } = this
    this.error = undefined
    if (error !== undefined) throw error
    return done
  }

  private reject(): Promise<never> {
    const { error } = this
    this.error = undefined
    return failLater(error)
  }

  private wait(waiter: Waiter): void {
    if (this.waiters.push(waiter) > 1) return
    ;(control[Control.keepAlive] as number)++
    native().pendingChanged()
    this.watchIdle()
  }

  private watchIdle(): void {
    const { limits } = this
    if (limits === undefined || limits.idleTimeout > longestTimer) return
    this.idleTimer = setTimeout(() => this.fail(limits.idle()), limits.idleTimeout).unref()
  }

  private stopWaiting(): Waiter {
    const waiter = this.waiters.shift() as Waiter
    if (this.idleTimer !== undefined) clearTimeout(this.idleTimer)
    this.idleTimer = undefined
    if (this.waiters.length === 0) {
      ;(control[Control.keepAlive] as number)--
      if (!isDelivering()) native().pendingChanged()
    } else this.watchIdle()
    return waiter
  }

  onItems(event: number, bytes: Buffer): void {
    const start = table[event + Column.payloadStart] as number
    const end = table[event + Column.payloadEnd] as number
    const count = table[event + Column.items] as number
    const isOwn = table[event + Column.longMessage] !== 0
    const size = wideNumber(table[event + Column.itemsBytesHigh] as number, table[event + Column.itemsBytes] as number)
    // What is taken at once need not be copied out of the memory that the next batch of events will use.
    const batch = { bytes, at: start, end, left: count, count, size, attached: attachedTo(bytes) }
    if (this.waiters.length > 0 && this.current === undefined && this.batches.length === 0) {
      this.current = batch
      while (this.waiters.length > 0 && this.current !== undefined) this.settleNext()
      if (this.current === undefined || isOwn) return
      this.current.bytes = copyOf(bytes, batch.at, end)
      batch.end = batch.bytes.length
      batch.at = 0
      return
    }
    if (!isOwn) {
      batch.bytes = copyOf(bytes, start, end)
      batch.at = 0
      batch.end = end - start
    }
    this.batches.push(batch)
  }

  private settleNext(): void {
    const { resolve } = this.stopWaiting()
    try {
      resolve({ done: false, value: this.take() })
    } catch (error) {
      resolve(failLater(error))
    }
  }

  private hasItem(): boolean {
    return this.current !== undefined || this.batches.length > 0
  }

  /** Throws what decoding throws; then the stream is over. */
  private take(): unknown {
    this.current ??= this.batches.shift() as Batch
    const batch = this.current
    const { start, end } = itemAt(batch.bytes, batch.at)
    batch.at = end
    let value: unknown
    try {
      value = decode(batch.bytes, start, end, this.decoding)
    } catch (error) {
      this.cancel()
      throw error
    }
    if (batch.attached !== undefined) this.given.add(batch.attached)
    if (--batch.left === 0) {
      this.current = undefined
      native().consumeStream(this.key.connection, this.key.id, batch.count, batch.size)
      if (this.isSpent) this.release()
    }
    return value
  }

  onEnd(event: number, bytes: Buffer): void {
    const error = table[event + Column.code] === 0 ? undefined : errorOf(event, bytes, this.method)
    this.over(error)
  }

  onLost(error: unknown): void {
    this.fail(error as Error)
  }

  /** Ends it from this side, with an error instead of the items that are left. */
  fail(error: Error): void {
    if (this.isSpent) return
    this.drop()
    this.over(error)
  }

  /** Nobody looks at the item that was given last any more: its arrays may go. */
  leaveItem(): void {
    this.given.release()
  }

  /** From now on the arrays of its items stay until they are collected or released. */
  retainItems(): void {
    this.given.retain()
  }

  /** Its reader wants no more of it. */
  cancel(): void {
    this.drop()
    this.error = undefined
    this.over()
  }

  private drop(): void {
    const isUnread = this.hasItem()
    if (this.current !== undefined) this.batches.push(this.current)
    for (const { attached } of this.batches) if (attached !== undefined) releaseUnread(attached)
    this.batches.length = 0
    this.current = undefined
    if (!this.isOver || isUnread) native().cancelStream(this.key.connection, this.key.id)
  }

  private over(error?: Error): void {
    if (!this.isOver) {
      this.isOver = true
      removeStream(this.key)
      this.whenEnded?.()
    }
    if (error !== undefined) this.error = error
    if (!this.hasItem()) this.release()
    while (this.waiters.length > 0) this.stopWaiting().resolve(this.error === undefined ? done : this.reject())
  }

  /** Nothing is left to read: what could end it need not be watched any more. */
  private release(): void {
    if (this.deadlineTimer !== undefined) clearTimeout(this.deadlineTimer)
    this.whenOver?.()
    this.whenOver = this.deadlineTimer = this.limits = undefined
  }
}
