import { isError } from '../brand'
import { IpcError, rename } from '../errors'
import { Column, Flag } from '../native'
import { handlers, table } from '../runtime'
import { connectionAt } from '../streams/open_streams'
import { decode, isPlainObject } from '../values'
import { callerOver, type Peer } from './caller'
import type { Method } from './exposure'

/** What a handler may ask about the call that it serves. */
export interface Context {
  /** The dotted name of the method. */
  readonly method: string
  /** Aborted when the caller waits no longer: it cancelled, its deadline passed, or it is gone. */
  readonly signal: AbortSignal
  /** What the caller gave as `metadata`; {} without. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** How long the caller will still wait, in ms, at the least 0; null: for ever. */
  readonly deadline: number | null
  /** Who has made the call. */
  readonly peer: Peer
}

/** A call that this side serves, as it came; its bytes stay only until the batch is handled. */
export interface InboundCall {
  /** The handle of the server that it came to. */
  server: number
  /** Over which it came. */
  connection: number
  /** By which the native side knows the call until it is answered. */
  id: number
  method: Method
  /** Nobody waits for an answer. */
  isNotification: boolean
  bytes: Buffer
  metadataStart: number
  metadataEnd: number
  /** The caller's deadline, on the clock of performance.now(); Infinity: never. */
  deadline: number
  /** What its handler knows of it, once it has asked. */
  context: HandlerContext | undefined
  /** Its id is another call's by now. */
  isAnswered: boolean
}

/** The call that an event of the table tells of. */
export function inboundCallAt(event: number, bytes: Buffer, method: Method): InboundCall {
  const low = table[event + Column.timeoutLow] as number
  const high = table[event + Column.timeoutHigh] as number
  const timeout = high * 0x1_0000_0000 + low
  return {
    server: table[event + Column.owner] as number,
    connection: connectionAt(event),
    id: table[event + Column.token] as number,
    method,
    isNotification: ((table[event + Column.flags] as number) & Flag.notify) !== 0,
    bytes,
    metadataStart: table[event + Column.metadataStart] as number,
    metadataEnd: table[event + Column.metadataEnd] as number,
    deadline: timeout === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout / 1000,
    context: undefined,
    isAnswered: false,
  }
}

/** Has the handler, or what it streams, find the metadata also when the batch has been handled. */
export function keepMetadata(call: InboundCall): void {
  if (call.metadataEnd <= call.metadataStart) return
  call.bytes = Buffer.from(call.bytes.subarray(call.metadataStart, call.metadataEnd))
  call.metadataEnd -= call.metadataStart
  call.metadataStart = 0
}

export class HandlerContext implements Context {
  readonly method: string
  readonly metadata: Readonly<Record<string, unknown>>
  private readonly until: number
  private controller: AbortController | undefined
  private caller: Peer | undefined
  isCancelled = false

  constructor(private readonly call: InboundCall) {
    this.method = call.method.name
    this.until = call.deadline
    this.metadata = metadataOf(call)
  }

  get deadline(): number | null {
    return this.until === Number.POSITIVE_INFINITY ? null : Math.max(0, this.until - performance.now())
  }

  get peer(): Peer {
    this.caller ??= callerOver(this.call.connection, this.call.server)
    return this.caller
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.isCancelled) this.abort()
    }
    return this.controller.signal
  }

  /** Why the handler was aborted; undefined when it was not, or has not asked for its signal. */
  get abortReason(): unknown {
    return this.controller?.signal.reason
  }

  cancel(): void {
    this.isCancelled = true
    if (this.controller !== undefined) this.abort()
  }

  private abort(): void {
    this.controller?.abort(callerGone())
  }
}

function metadataOf({ bytes, metadataStart, metadataEnd }: InboundCall): Record<string, unknown> {
  if (metadataEnd <= metadataStart) return {}
  const metadata = decode(bytes, metadataStart, metadataEnd)
  if (isPlainObject(metadata)) return metadata
  throw new IpcError('data_loss', 'the caller sent metadata that are no object with names as keys')
}

function callerGone(): IpcError {
  return rename(new IpcError('cancelled', 'the caller waits no longer'), 'AbortError')
}

let running: InboundCall | undefined
/** Of the calls that are not answered and whose handler has asked for it. */
const contexts = new Map<number, HandlerContext>()

/**
 * The call that the running handler serves. To be asked for in the synchronous part of a handler, before its first
 * `await`, and in a generator between a `yield` and the next `await`; what it returns stays valid.
 *
 * Throws 'failed_precondition' elsewhere, 'data_loss' when the caller's metadata are no object.
 */
export function context(): Context {
  if (running === undefined) {
    throw new IpcError(
      'failed_precondition',
      'context() works in the synchronous part of a handler, before its first await',
    )
  }
  return contextOf(running)
}

/** What is known about a call from now on. */
function contextOf(call: InboundCall): HandlerContext {
  if (call.context === undefined) {
    call.context = new HandlerContext(call)
    if (!call.isAnswered) contexts.set(call.id, call.context)
  }
  return call.context
}

/** Says whose synchronous part runs from now on; undefined: nobody's. Returns whose did before. */
export function enter(next: InboundCall | undefined): InboundCall | undefined {
  const before = running
  running = next
  return before
}

/** The call of this server's whose handler is in its synchronous part. */
export function callRunningAt(server: number): InboundCall | undefined {
  return running?.server === server ? running : undefined
}

/** The call has been answered. */
export function forget(callId: number): void {
  if (contexts.size > 0) contexts.delete(callId)
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
  contexts.get(callId)?.cancel()
}
