import { descends, type Mark, whileBlocked } from '../chain'
import { currentCall } from '../current_call'
import { IpcError, withSent } from '../errors'
import type { KeptEvent } from '../kept_back'
import { Column, Flag, Kind, wideNumber } from '../native'
import { type Awaited, block, codeNumber, native, share } from '../runtime'
import type { InboundStream } from '../streams/inbound'
import type { StreamKey } from '../streams/open_streams'
import { encodeError } from '../values'
import type { ArgumentStreams } from './argument_streams'
import type { Slot } from './pending'

/** What the other side may need of this one while it works for a call. */
export interface Passed {
  /** By which the calls are known that its handler makes. */
  readonly mark: Mark
  /** The ids of functions and objects. */
  readonly references: ReadonlySet<number>
  readonly streams: ArgumentStreams | undefined
}

/** For how long the thread waits, for a call or an item, where the call's options have no timeout. */
export class BlockingLimit {
  constructor(
    private readonly method: string,
    readonly milliseconds: number,
  ) {}

  error(): IpcError {
    const limit = `the ${this.milliseconds / 1000} s for which ipc.sync() blocks a thread where no timeout is given`
    return withSent(new IpcError('deadline_exceeded', `${this.method}() was not answered within ${limit}`), 'maybe')
  }
}

/** What this thread is blocked for, the innermost last. */
const waits: BlockingWait[] = []

/** A thread that waits for the other side, and meanwhile does what that needs of it. */
abstract class BlockingWait implements Awaited {
  constructor(private readonly passed: Passed) {}

  protected run(): void {
    void currentCall()?.metadata // kept from now on: what comes while the thread waits takes the place of its bytes
    waits.push(this)
    try {
      whileBlocked(this.passed.mark, () => block(this))
    } finally {
      waits.pop()
    }
  }

  abstract readonly patience: number
  abstract waited(): void
  abstract isOver(): boolean
  protected abstract concerns(kept: KeptEvent): boolean

  wants(kept: KeptEvent): boolean {
    const { rows, event } = kept
    switch (rows[event]) {
      case Kind.inboundCall:
        return waits.some(each => each.calls(kept)) // one that was passed by an outer call runs here, too
      case Kind.streamRoom:
      case Kind.streamCancel:
        return this.passed.streams?.has(keyOf(kept)) ?? false
    }
    return this.concerns(kept)
  }

  /** Refuses what would wait for this thread while this thread waits for it. For a notification nobody waits. */
  answers(kept: KeptEvent): boolean {
    const { rows, event } = kept
    if (rows[event] !== Kind.inboundCall || ((rows[event + Column.flags] as number) & Flag.notify) !== 0) return false
    if (waits.some(each => each.calls(kept)) || !descends(kept)) return false
    refuse(rows[event + Column.token] as number)
    return true
  }

  /** Whether the event is a call of what was passed. */
  private calls({ rows, event, bytes }: KeptEvent): boolean {
    const { references } = this.passed
    if (references.size === 0 || bytes === undefined) return false
    if (((rows[event + Column.flags] as number) & Flag.reference) === 0) return false
    const start = rows[event + Column.payloadStart] as number
    return references.has(wideNumber(bytes.readUInt32LE(start + 4), bytes.readUInt32LE(start)))
  }
}

/** A call whose outcome its thread waits for. */
export class BlockingCall extends BlockingWait {
  readonly patience = Number.POSITIVE_INFINITY
  private outcome: { value: unknown } | { error: unknown } | undefined
  private readonly token: number
  /** On the clock of performance.now(); known when it has waited for the first time, a moment later than it should. */
  private until: number | undefined

  constructor(
    slot: Slot,
    passed: Passed,
    private readonly limit: BlockingLimit,
    private readonly cancel: () => void,
  ) {
    super(passed)
    this.token = slot.token
    slot.resolve = value => {
      this.outcome ??= { value }
    }
    slot.fail = error => {
      this.outcome ??= { error }
    }
  }

  /** Returns its result, or throws its error. */
  wait(): unknown {
    this.run()
    const outcome = this.outcome as NonNullable<BlockingCall['outcome']>
    if ('value' in outcome) return outcome.value
    throw outcome.error
  }

  waited(): void {
    const now = performance.now()
    this.until ??= now + this.limit.milliseconds
    if (now < this.until) return
    this.cancel()
    this.outcome ??= { error: this.limit.error() }
  }

  isOver(): boolean {
    return this.outcome !== undefined
  }

  protected concerns({ rows, event }: KeptEvent): boolean {
    const kind = rows[event]
    return (kind === Kind.outcome || kind === Kind.streamsOpen) && rows[event + Column.token] === this.token
  }
}

/** The items of a stream, for each of which the thread waits that reads it. */
export class BlockingItems extends BlockingWait {
  patience = 0
  private since = 0

  constructor(
    private readonly inbound: InboundStream,
    passed: Passed,
    private readonly limit: BlockingLimit,
  ) {
    super(passed)
  }

  /** Throws what has ended the stream. */
  next(): IteratorResult<unknown> {
    const { inbound } = this
    inbound.leaveItem()
    if (!inbound.isReady) {
      this.since = performance.now()
      this.waited()
      this.run()
    }
    return inbound.takeNext()
  }

  leaveItem(): void {
    this.inbound.leaveItem()
  }

  waited(): void {
    const { inbound, since, limit } = this
    const left = since + limit.milliseconds - performance.now()
    if (left <= 0) inbound.fail(limit.error())
    this.patience = Math.max(0, Math.min(left, inbound.timeLeft(since)))
  }

  isOver(): boolean {
    return this.inbound.isReady
  }

  protected concerns(kept: KeptEvent): boolean {
    const kind = kept.rows[kept.event]
    if (kind !== Kind.streamItems && kind !== Kind.streamEnd) return false
    const { connection, id } = keyOf(kept)
    return connection === this.inbound.key.connection && id === this.inbound.key.id
  }
}

function keyOf({ rows, event }: KeptEvent): StreamKey {
  const at = (high: number, low: number) => wideNumber(rows[event + high] as number, rows[event + low] as number)
  return {
    connection: at(Column.connectionHigh, Column.connectionLow),
    id: at(Column.streamHigh, Column.streamLow),
  }
}

function refuse(call: number): void {
  const message =
    'the call would wait for itself: a thread of this process is blocked, by ipc.sync(), until what has made it is over'
  const details = encodeError(new IpcError('failed_precondition', message), { expose: false })
  share(details)
  native().replyError(call, codeNumber('failed_precondition'), message, details.length)
}
