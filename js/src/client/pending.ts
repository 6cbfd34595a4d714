import { type IpcError, RemoteError, withSent } from '../errors'
import { Column, Control } from '../native'
import { control, failure, handlers, isDelivering, messageIn, native, table } from '../runtime'
import { type DecodeOptions, decode, decodeError } from '../values'
import { failLater, type Reject, type Resolve } from './call'

/** Whose call it is. */
export interface Caller {
  readonly decoding: DecodeOptions | undefined
}

/** A call that waits for its outcome. Its token is its place in `slots`; free ones are linked and used again. */
export class Slot {
  resolve: Resolve | undefined = undefined
  reject: Reject | undefined = undefined
  /** Kept in memory by its pending calls. */
  caller: Caller | undefined = undefined
  /** Undoes what the call's AbortSignal needs. */
  whenSettled: (() => void) | undefined = undefined
  next = none

  constructor(readonly token: number) {}
}

const none = -1
const slots: Slot[] = []
let free = none
/** Cancelled while a batch was being handled, which may still hold an outcome for their token. */
const freedInBatch: Slot[] = []

/** A place for a call, which from now on keeps the process alive. */
export function takeSlot(caller: Caller): Slot {
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
  slot.resolve = slot.reject = slot.caller = slot.whenSettled = undefined
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
  const { resolve, caller } = slot
  if (resolve === undefined) return
  dropSlot(slot)
  if (table[event + Column.code] !== 0) {
    resolve(failLater(errorIn(event, bytes)))
    return
  }
  let value: unknown
  try {
    value = decode(
      bytes,
      table[event + Column.payloadStart] as number,
      table[event + Column.payloadEnd] as number,
      caller?.decoding,
    )
  } catch (error) {
    resolve(failLater(error))
    return
  }
  resolve(value)
}

handlers.lost = (event, error) => {
  const slot = slots[table[event + Column.token] as number] as Slot
  const { resolve } = slot
  if (resolve === undefined) return
  dropSlot(slot)
  resolve(failLater(error))
}

function errorIn(event: number, bytes: Buffer): IpcError {
  const ending = table[event + Column.ending]
  const { remoteError, maybeRun } = native().numbers.ending
  const error = failure(table[event + Column.code] as number, messageIn(event))
  if (ending === remoteError) {
    const start = table[event + Column.payloadStart] as number
    const end = table[event + Column.payloadEnd] as number
    return end > start ? decodeError(bytes, start, end) : new RemoteError(error.code, error.message)
  }
  return withSent(error, ending === maybeRun ? 'maybe' : 'no')
}
