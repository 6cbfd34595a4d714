import { runInScope } from '../current_call'
import { IpcError } from '../errors'
import { Column, wideNumber } from '../native'
import { callee, ownedAt } from '../references/owned'
import { type InboundCallOwner, table } from '../runtime'
import { methodAt } from './by_reference'
import { type InboundCall, isAbort } from './context'
import { Dispatcher } from './dispatcher'
import { HandlerErrors } from './handler_errors'

const idBytes = 8

/** What a callback throws is for who called it; of a notification it is logged. */
class CallbackErrors extends HandlerErrors {
  override concern(call: InboundCall, error: unknown): boolean {
    return call.isNotification && !isAbort(call, error)
  }
}

const dispatcher = new Dispatcher('a callback', [], undefined, new CallbackErrors('a callback'), call => {
  if (call !== undefined) call.isOver = true
})

/** Runs what the other sides call of the functions and objects that were passed to them. */
const referenceCalls: InboundCallOwner = {
  decoding: undefined,
  onState() {},
  onInboundCall(event, bytes) {
    const start = table[event + Column.payloadStart] as number
    const owned = ownedAt(idAt(bytes, start))
    if (owned === undefined) return dispatcher.onLostCall(event, isGone())
    const method = methodAt(owned.referenced, table[event + Column.method] as number)
    if (method === undefined) return dispatcher.onLostCall(event, hasNoSuch())
    runInScope(owned.scope, () => dispatcher.take(event, bytes, method, start + idBytes, owned.decoding))
  },
  onLostCall(event, error) {
    dispatcher.onLostCall(event, error)
  },
}

function idAt(bytes: Buffer, start: number): number {
  return wideNumber(bytes.readUInt32LE(start + 4), bytes.readUInt32LE(start))
}

function isGone(): IpcError {
  return new IpcError(
    'failed_precondition',
    'the reference is gone: a function lives as long as the call that it was passed to, and a retained one, or an object, ' +
      'until it is released or the connection ends',
  )
}

function hasNoSuch(): IpcError {
  return new IpcError('unimplemented', 'the reference has no method of this number')
}

callee.owner = referenceCalls
