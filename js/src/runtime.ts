import type * as Load from './addon/load'
import { codes, IpcError, withSent } from './errors'
import { KeptBack, type KeptEvent, type LongMessage } from './kept_back'
import { Column, Control, type Failed, Kind, type Native, rowWords, type Shared, wideNumber } from './native'
import { attachTo, type DecodeOptions, Encoder, type Outgoing } from './values'

/**
 * What this copy of the library shares with its native half on this thread, made when the first service is served or
 * connected to.
 */

const rows = 256
const slabBytes = 256 * 1024

// With their types, or these would be written out with parameters that an older TypeScript does not know.
export const table: Uint32Array = new Uint32Array(rows * rowWords)
export const slab: Buffer = Buffer.allocUnsafeSlow(slabBytes)
export const control: Int32Array = new Int32Array(Object.keys(Control).length)
export const encoder = new Encoder(undefined, true)

export interface Owner {
  onState(state: number, code: number, message: string): void
}

export interface InboundCallOwner extends Owner {
  /** How what comes is decoded. */
  readonly decoding: DecodeOptions | undefined
  onInboundCall(event: number, bytes: Buffer): void
  /** A call came whose message could not be taken over. */
  onLostCall(event: number, error: unknown): void
}

export const clients = new Map<number, Owner>()
export const servers = new Map<number, InboundCallOwner>()

/** Set by those who handle the two kinds of events that come by the thousand. */
export const handlers = {
  outcome: (_event: number, _bytes: Buffer): void => {},
  /** An outcome came whose message could not be taken over. */
  lost: (_event: number, _error: unknown): void => {},
  cancel: (_call: number): void => {},
  /** The streams among a call's arguments may begin. */
  streamsOpen: (_event: number): void => {},
  /** Anything about a stream that has begun. */
  stream: (_event: number, _bytes: Buffer): void => {},
  /** A message of a stream could not be taken over. */
  streamLost: (_event: number, _error: unknown): void => {},
  /** It may be that nobody has this retained reference any more. */
  referenceReleased: (_reference: number): void => {},
  batchDone: (): void => {},
}

/** How long a blocked thread stays away from JavaScript, where alone a worker that is terminated ends, in ms. */
const longestAway = 100

let loaded: Native | undefined
let delivering = false
let blockings = 0
let awaitsItems = false
/** In the table, the event that is handled next, and the end. */
let next = 0
let end = 0
const keptBack = new KeptBack(table, slab)
let outgoing: Buffer | undefined
let outgoingItems: Buffer | undefined

export function native(): Native {
  return loaded ?? start()
}

/** Whether events are still to come that were there before what is done now. */
export function isDelivering(): boolean {
  return delivering || !keptBack.isEmpty
}

const versions = process.versions as Record<string, string | undefined>

/** To be called before names are looked for: Bun keeps from native code what a program puts into `process.env`. */
export function passEnvironment(): void {
  if (versions.bun === undefined) return
  const failed = native().setNamesDirectory(process.env.IPCBRIDGE_DIR ?? '')
  if (failed !== undefined) throw failure(failed, native().lastError())
}

function start(): Native {
  const { loadAddon } = require('./addon/load') as typeof Load // when it is needed: it looks for what may be wrong
  const addon = loadAddon().create() as Native
  const shared: Shared = { table, slab, control }
  // Calling libuv aborts in Bun, and Deno lacks some of it.
  const foreign = versions.bun !== undefined || versions.deno !== undefined
  const ownThread = foreign || process.env.IPCBRIDGE_NODE_DOORBELL === 'thread'
  const failed = addon.start(onBatch, shared, ownThread)
  if (failed !== undefined) throw failure(failed, addon.lastError())
  loaded = addon
  return addon
}

/** Whether code waits for what it has called, so that nothing runs but what that may need: no promise settles. */
export function isBlocked(): boolean {
  return blockings > 0
}

/** A stream has been opened whose first items are close behind. */
export function expectItems(): void {
  awaitsItems = true
}

function onBatch(count: number): void {
  delivering = true
  awaitsItems = false
  hold(count)
  if (!keptBack.isEmpty) keepRest()
  try {
    deliverHeld()
    if (awaitsItems && keptBack.isEmpty) {
      hold(native().readOn())
      deliverHeld()
    }
    while (keptBack.restore(() => true)) deliverSafely(0)
  } finally {
    delivering = false
    handlers.batchDone()
  }
}

function deliverHeld(): void {
  while (next < end) {
    const event = next
    next += rowWords
    deliverSafely(event)
  }
}

/** So many events are in the shared memory. */
function hold(count: number): void {
  keptBack.leave()
  next = 0
  end = count * rowWords
}

function keepRest(isAnswered?: (kept: KeptEvent) => boolean): void {
  keptBack.keep(next, end, takeOver, isAnswered)
  end = next
}

function takeOver(event: number): LongMessage {
  try {
    return { bytes: longMessage(event) }
  } catch (error) {
    return { error }
  }
}

/** What code waits for that blocks the thread. */
export interface Awaited {
  /** In how many ms it wants to be told, by `waited`, that time has passed. */
  readonly patience: number
  waited(): void
  isOver(): boolean
  /** Whether the event is one of those that it waits for. */
  wants(event: KeptEvent): boolean
  /** Told of each other event as soon as it is there, and of those that were kept before; true: it has been handled. */
  answers(event: KeptEvent): boolean
}

/**
 * Handles only what is waited for, until it is over. What comes besides is handled later, in its order: as soon as the
 * event loop is back.
 */
export function block(awaited: Awaited): void {
  const wasDelivering = delivering
  delivering = true
  blockings++
  try {
    keptBack.answer(kept => awaited.answers(kept)) // what came before this thread waited for it
    screen(awaited)
    for (;;) {
      while (!keptBack.isEmpty && !awaited.isOver() && keptBack.restore(kept => awaited.wants(kept))) deliverSafely(0)
      if (awaited.isOver()) return
      hold(native().wait(Math.min(longestAway, awaited.patience)))
      screen(awaited)
      if (!awaited.isOver()) awaited.waited()
    }
  } finally {
    blockings--
    delivering = wasDelivering
    if (!wasDelivering) {
      if (keptBack.isEmpty) handlers.batchDone()
      else native().deliverLater()
    }
  }
}

/** Keeps what has come, but for what is handled at once. */
function screen(awaited: Awaited): void {
  if (next === 0 && end === rowWords && keptBack.isEmpty) {
    const bytes = table[Column.longMessage] === 0 ? slab : undefined
    if (awaited.wants({ rows: table, event: 0, bytes })) {
      next = end
      deliverSafely(0) // alone, it needs no copy
      return
    }
  }
  keepRest(kept => awaited.answers(kept)) // taken over by then: what answers reads the metadata of long messages as well
}

function deliverSafely(event: number): void {
  try {
    deliver(event)
  } catch (error) {
    throwLater(error) // the events behind it are other calls
  }
}

function deliver(event: number): void {
  let bytes: Buffer = slab
  if (table[event + Column.longMessage] !== 0) {
    try {
      bytes = longMessage(event)
    } catch (error) {
      refuse(event, error)
      return
    }
  }
  switch (table[event]) {
    case Kind.outcome:
      handlers.outcome(event, bytes)
      break
    case Kind.inboundCall:
      servers.get(table[event + Column.owner] as number)?.onInboundCall(event, bytes)
      break
    case Kind.cancel:
      handlers.cancel(table[event + Column.token] as number)
      break
    case Kind.streamRoom:
    case Kind.streamCancel:
    case Kind.streamItems:
    case Kind.streamEnd:
      handlers.stream(event, bytes)
      break
    case Kind.streamsOpen:
      handlers.streamsOpen(event)
      break
    case Kind.referenceReleased:
      handlers.referenceReleased(referenceAt(event))
      break
    case Kind.clientState:
    case Kind.serverState:
      onState(event)
      break
  }
}

function referenceAt(event: number): number {
  return wideNumber(table[event + Column.tokenHigh] as number, table[event + Column.token] as number)
}

/** Throws 'resource_exhausted' when there is no memory for it. */
function longMessage(event: number): Buffer {
  const number = table[event + Column.longMessage] as number
  const kept = keptBack.longMessage(number)
  if (kept !== undefined) {
    if ('error' in kept) throw kept.error
    return kept.bytes
  }
  const size = Math.max(table[event + Column.payloadEnd] as number, table[event + Column.metadataEnd] as number)
  let bytes: Buffer
  try {
    bytes = Buffer.allocUnsafeSlow(size)
  } catch (error) {
    throw new IpcError('resource_exhausted', `no memory for a message of ${size} bytes`, undefined, { cause: error })
  }
  const attached = native().copyMessage(number, bytes)
  if (attached !== undefined) attachTo(bytes, attached)
  return bytes
}

/** Ends a call, or a stream, whose message could not be taken over. */
function refuse(event: number, error: unknown): void {
  if (table[event] === Kind.outcome) handlers.lost(event, error)
  else if (table[event] !== Kind.inboundCall) handlers.streamLost(event, error)
  else servers.get(table[event + Column.owner] as number)?.onLostCall(event, error)
}

/** Makes an uncaught exception of it, like one in any event listener, without ending the work at hand. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

function onState(event: number): void {
  const owners: Map<number, Owner> = table[event] === Kind.clientState ? clients : servers
  const owner = owners.get(table[event + Column.owner] as number)
  owner?.onState(table[event + Column.state] as number, table[event + Column.code] as number, messageIn(event))
}

export function messageIn(event: number): string {
  return slab.toString('utf8', table[event + Column.messageStart], table[event + Column.messageEnd])
}

/** The error for a code's number. */
export function failure(code: number, message: string): IpcError {
  return new IpcError(codes[code - 1] ?? 'unknown', message)
}

/** A handle, or the error that the native side gave instead. */
export function checkHandle(handle: number): number {
  if (handle < 0) throw failure(-handle, native().lastError())
  return handle
}

/** Why the native side refused a call: it was not sent. */
export function lastFailure(code: NonNullable<Failed>): IpcError {
  return withSent(failure(code, native().lastError()), 'no')
}

export function codeNumber(code: IpcError['code']): number {
  return codes.indexOf(code) + 1
}

/** Lets the native side send what the encoder has just written, to be followed by that at once. */
export function shareEncoded(): void {
  if (encoder.buffer !== outgoing) share(encoder.buffer)
  attach(encoder.attached)
}

/** Attaches bytes to the message that the native side sends next. */
export function attach(attached: readonly Outgoing[]): void {
  control[Control.attached] = attached.length
  if (attached.length > 0) native().attach(attached)
}

/** As `shareEncoded`, with more bytes behind the `length` that the encoder wrote. Throws 'resource_exhausted'. */
export function shareEncodedWith(length: number, more: Uint8Array): void {
  const { buffer } = encoder
  if (length + more.length <= buffer.length) {
    buffer.set(more, length)
    shareEncoded()
  } else {
    share(joined(buffer.subarray(0, length), more))
    attach(encoder.attached)
  }
}

function joined(first: Buffer, second: Uint8Array): Buffer {
  try {
    return Buffer.concat([first, second])
  } catch (error) {
    const message = `no memory for the ${first.length + second.length} bytes of a call`
    throw new IpcError('resource_exhausted', message, undefined, { cause: error })
  }
}

/** Lets the native side send the first bytes of these. */
export function share(bytes: Buffer): void {
  native().useOutgoing(bytes)
  outgoing = bytes
}

/** The same of the items of a stream. */
export function shareItems(bytes: Buffer): void {
  if (bytes === outgoingItems) return
  native().useItems(bytes)
  outgoingItems = bytes
}

/** Counts one more thing that keeps the process alive; `letGo` counts it out again. */
export function keepAlive(): void {
  ;(control[Control.keepAlive] as number)++
  native().pendingChanged()
}

/** From now on this thread of the process sleeps at once whenever it waits for a message. */
export function neverSpin(): void {
  control[Control.noSpin] = 1
}

export function letGo(): void {
  ;(control[Control.keepAlive] as number)--
  native().pendingChanged()
}
