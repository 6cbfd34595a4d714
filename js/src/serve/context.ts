import { isError } from '../brand'
import type { Context, Peer } from '../call_context'
import { type CurrentCall, currentCall } from '../current_call'
import { IpcError, rename } from '../errors'
import { type Metadata, metadataAt, ofDepth } from '../metadata'
import { Column, Flag } from '../native'
import { handlers, table } from '../runtime'
import { connectionAt } from '../streams/open_streams'
import { callerOver } from './caller'
import type { Method } from './exposure'

/** A call that this side serves. */
export class InboundCall implements CurrentCall {
  /** The handle of the server that it came to. */
  readonly server: number
  /** Over which it came. */
  readonly connection: number
  /** By which the native side knows the call until it is answered. */
  readonly id: number
  /** Nobody waits for an answer. */
  readonly isNotification: boolean
  readonly deadline: number
  /** What its handler knows of it, once it has asked. */
  context: HandlerContext | undefined
  /** Its id is another call's by now. */
  isAnswered = false
  /** It has been answered, and the streams of its result have ended. */
  isOver = false
  /** The caller waits no longer. */
  isCancelled = false
  /** The batch of events that its metadata are in; they stay there only until that is handled. */
  private batch: Buffer | undefined
  private readonly start: number
  private readonly end: number
  private kept: Metadata | undefined
  private passedOn: { depth: number; metadata: Metadata | undefined } | undefined

  /** The call that an event of the table tells of. */
  constructor(
    event: number,
    bytes: Buffer,
    readonly method: Method,
  ) {
    const low = table[event + Column.timeoutLow] as number
    const high = table[event + Column.timeoutHigh] as number
    const timeout = high * 0x1_0000_0000 + low
    this.server = table[event + Column.owner] as number
    this.connection = connectionAt(event)
    this.id = table[event + Column.token] as number
    this.isNotification = ((table[event + Column.flags] as number) & Flag.notify) !== 0
    this.deadline = timeout === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout / 1000
    this.start = table[event + Column.metadataStart] as number
    this.end = table[event + Column.metadataEnd] as number
    if (this.end > this.start) this.batch = bytes
  }

  /** First asked for while the event is handled, or never there. */
  get metadata(): Metadata | undefined {
    if (this.batch !== undefined) {
      this.kept = metadataAt(this.batch, this.start, this.end)
      this.batch = undefined
    }
    return this.kept
  }

  depthFor(isNotification: boolean): number {
    return isNotification || this.isOver ? 0 : (this.metadata?.depth ?? 0) + 1
  }

  carriedOn(depth: number): Metadata | undefined {
    const { metadata } = this
    if (metadata === undefined) return ofDepth(depth)
    if (this.passedOn?.depth !== depth) this.passedOn = { depth, metadata: metadata.carriedOn(depth) }
    return this.passedOn.metadata
  }

  cancel(): void {
    this.isCancelled = true
    this.context?.cancelled()
  }

  /** Has the handler, or what it streams, find the metadata also when the batch has been handled. */
  keepMetadata(): void {
    void this.metadata
  }
}

/** Small, and what is seldom asked for is made when it is: handlers that ask for theirs make one a call. */
export class HandlerContext implements Context {
  private controller: AbortController | undefined = undefined
  private caller: Peer | undefined = undefined
  private values: Readonly<Record<string, unknown>> | undefined

  constructor(private readonly call: InboundCall) {
    this.values = call.metadata?.values()
  }

  get method(): string {
    return this.call.method.name
  }

  get metadata(): Readonly<Record<string, unknown>> {
    this.values ??= {}
    return this.values
  }

  get deadline(): number | null {
    const { deadline } = this.call
    return deadline === Number.POSITIVE_INFINITY ? null : Math.max(0, deadline - performance.now())
  }

  get peer(): Peer {
    this.caller ??= callerOver(this.call.connection, this.call.server)
    return this.caller
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.call.isCancelled) this.cancelled()
    }
    return this.controller.signal
  }

  /** Why the handler was aborted; undefined when it was not, or has not asked for its signal. */
  get abortReason(): unknown {
    return this.controller?.signal.reason
  }

  /** The call has been cancelled. */
  cancelled(): void {
    this.controller?.abort(callerGone())
  }
}

function callerGone(): IpcError {
  return rename(new IpcError('cancelled', 'the caller waits no longer'), 'AbortError')
}

/** Those that are not answered and whose handlers go on, by their ids: small numbers, which are used again. */
const calls: (InboundCall | undefined)[] = []

/**
 * The call that the running handler serves: anywhere in an `async` function or generator and in what it begins, timers and
 * callbacks included, also when it has been answered. A plain function that has returned no promise finds it until it
 * returns, a plain generator in its own code. What it returns stays valid.
 *
 * Throws 'failed_precondition' elsewhere, 'data_loss' when the caller's metadata are no object.
 */
export function context(): Context {
  const call = currentCall()
  if (!(call instanceof InboundCall)) {
    throw new IpcError('failed_precondition', 'context() works in a handler, and in what it begins')
  }
  return contextOf(call)
}

/** What its handler may know of a call. */
export function contextOf(call: InboundCall): HandlerContext {
  call.context ??= new HandlerContext(call)
  return call.context
}

/** The call of this server's on whose behalf the code runs, unless it is over. */
export function callServedAt(server: number): InboundCall | undefined {
  const call = currentCall()
  return call instanceof InboundCall && call.server === server && !call.isOver ? call : undefined
}

/** The call is told when its caller waits no longer, until it has been answered. */
export function remember(call: InboundCall): void {
  calls[call.id] = call
}

/** The call has been answered. */
export function forget(callId: number): void {
  if (callId < calls.length) calls[callId] = undefined
}

/**
 * Whether this is how a handler ends that has heeded its signal: with the signal's reason, or an AbortError, as what
 * takes a signal throws (fetch, timers, streams).
 */
export function isAbort({ context }: InboundCall, error: unknown): boolean {
  const reason = context?.abortReason
  if (reason === undefined) return false
  if (error === reason) return true
  try {
    return isError(error) && (error.name === 'AbortError' || error.cause === reason)
  } catch {
    return false // a getter of what was thrown
  }
}

handlers.cancel = callId => {
  calls[callId]?.cancel()
}
