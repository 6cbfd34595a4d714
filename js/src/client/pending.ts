import { errorOf } from '../ended'
import { failLater } from '../errors'
import { Column, Control } from '../native'
import { arrival } from '../references/arrival'
import { endCall } from '../references/owned'
import { control, expectItems, handlers, isDelivering, table } from '../runtime'
import { type Carried, carriedByOutcome } from '../streams/carried'
import type { InboundStream } from '../streams/inbound'
import { keyAt } from '../streams/open_streams'
import { decode, type Referenced } from '../values'
import type { ArgumentStreams } from './argument_streams'
import type { Reject, Resolve } from './call'
import type { Client } from './client'
import type { Received } from './received'
import type { StreamLimits } from './stream_limits'

/** A call that waits for its outcome. Its token is its place in `slots`; free ones are linked and used again. */
export class Slot {
  resolve: Resolve | undefined = undefined
  reject: Reject | undefined = undefined
  /** Of a call whose thread is blocked, in place of a promise that fails later. */
  fail: Reject | undefined = undefined
  /** Kept in memory by its pending calls. */
  caller: Client | undefined = undefined
  /** Undoes what the call's AbortSignal needs. */
  whenSettled: (() => void) | undefined = undefined
  /** What of its arguments is streamed; until it may begin. */
  streams: ArgumentStreams | undefined = undefined
  /** What ends the streams of its result, where something does. */
  limits: StreamLimits | undefined = undefined
  /** Of this side's, passed with its arguments; until it is over. */
  references: readonly Referenced[] | undefined = undefined
  /** What is called: the number of a method, and where it is no method of the service's, the reference. */
  method = 0
  on: Received | undefined = undefined
  next = none

  constructor(readonly token: number) {}
}

const none = -1
const slots: Slot[] = []
let free = none
/** Cancelled while a batch was being handled, which may still hold an outcome for their token. */
const freedInBatch: Slot[] = []

/** A place for a call, which from now on keeps the process alive. */
export function takeSlot(caller: Client): Slot {
  let slot: Slot
  if (free === none) {
    slot = new Slot(slots.length)
    slots.push(slot)
  } else {
    slot = slots[free] as Slot
    free = slot.next
  }
  slot.caller = caller
  ;(control[Control.keepAlive] as number)++
  return slot
}

function empty(slot: Slot): void {
  slot.whenSettled?.()
  slot.streams?.discard()
  if (slot.references !== undefined) endCall(slot.references)
  slot.resolve = slot.reject = slot.fail = slot.caller = slot.whenSettled = slot.streams = slot.limits = undefined
  slot.references = slot.on = undefined
  ;(control[Control.keepAlive] as number)--
}

function putBack(slot: Slot): void {
  slot.next = free
  free = slot.token
}

/** Ends a call that was refused: there will be no outcome. */
export function dropSlot(slot: Slot): void {
  empty(slot)
  putBack(slot)
}

/** Ends a call whose outcome nobody waits for any more. */
export function cancelSlot(slot: Slot): void {
  empty(slot)
  if (isDelivering()) freedInBatch.push(slot)
  else putBack(slot)
}

handlers.batchDone = () => {
  while (freedInBatch.length > 0) putBack(freedInBatch.pop() as Slot)
}

handlers.outcome = (event, bytes) => {
  const slot = slots[table[event + Column.token] as number] as Slot
  const { resolve, fail, caller, limits, method, on } = slot
  const carried = carriedByOutcome(event, caller?.decoding, caller)
  if (resolve === undefined) {
    discard(event, bytes, carried)
    return
  }
  const { references } = slot
  if (carried !== undefined) slot.references = undefined // they live as long as its streams
  dropSlot(slot)
  if (table[event + Column.code] !== 0) {
    settleFailed(resolve, fail, errorOf(event, bytes))
    return
  }
  let value: unknown
  try {
    value = decodeAt(event, bytes, caller, carried)
  } catch (error) {
    if (references !== undefined) endCall(references)
    carried?.abandon()
    settleFailed(resolve, fail, error)
    return
  }
  if (carried !== undefined) {
    const streams = [...carried.finish()]
    if (references !== undefined) endWith(streams, references)
    for (const stream of streams) {
      stream.method = caller?.nameOf(method, on)
      limits?.apply(stream)
    }
    expectItems()
  }
  resolve(value)
}

/** What nobody reads brings references all the same, which the garbage collector gives back. */
function discard(event: number, bytes: Buffer, carried: Carried | undefined): void {
  try {
    if (table[event + Column.code] === 0) decodeAt(event, bytes, undefined, carried)
  } catch {
    // Nor does anybody wait for its errors.
  }
  carried?.abandon()
}

function decodeAt(event: number, bytes: Buffer, caller: Client | undefined, carried: Carried | undefined): unknown {
  return decode(
    bytes,
    table[event + Column.payloadStart] as number,
    table[event + Column.payloadEnd] as number,
    caller?.decoding,
    carried,
    arrival.at(event, caller, caller?.decoding),
  )
}

export function settleFailed(resolve: Resolve | undefined, fail: Reject | undefined, error: unknown): void {
  if (fail === undefined) resolve?.(failLater(error))
  else fail(error)
}

/** Functions that were passed with a call live as long as the streams of its result. */
function endWith(streams: readonly InboundStream[], references: readonly Referenced[]): void {
  let open = streams.length
  const end = () => {
    if (--open === 0) endCall(references)
  }
  if (open === 0) endCall(references)
  for (const stream of streams) stream.whenEnded = end
}

handlers.lost = (event, error) => {
  const slot = slots[table[event + Column.token] as number] as Slot
  const { resolve, fail, caller } = slot
  carriedByOutcome(event, undefined, caller)?.abandon()
  if (resolve === undefined) return
  dropSlot(slot)
  settleFailed(resolve, fail, error)
}

handlers.streamsOpen = event => {
  const { streams } = slots[table[event + Column.token] as number] as Slot
  streams?.begin(keyAt(event))
}
