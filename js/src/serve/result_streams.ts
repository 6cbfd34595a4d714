import { enter, runWith } from '../current_call'
import { IpcError, isIpcError } from '../errors'
import type { Host } from '../streams/producer'
import { type InboundCall, isAbort } from './context'
import type { HandlerErrors } from './handler_errors'

/** That a result, or an item, cannot be sent is the service's fault, and not that of the caller's arguments. `done` names it. */
export function faultOf(error: unknown, done: string): unknown {
  if (!isIpcError(error)) return error
  const code = error.code === 'invalid_argument' ? 'internal' : error.code
  const options = error.cause === undefined ? {} : { cause: error.cause }
  return new IpcError(code, `${done} what cannot be sent: ${error.message}`, undefined, options)
}

/** The streams of a call's result: what makes their items goes on with the call's context. */
export class ResultStreams implements Host {
  constructor(
    private readonly call: InboundCall,
    private readonly errors: HandlerErrors,
    private open = 0,
    private readonly onOver: () => void = () => {},
  ) {}

  run<R>(code: () => R): R {
    const before = enter(this.call)
    try {
      return code()
    } finally {
      enter(before)
    }
  }

  runAsync<R>(code: () => R): R {
    return runWith(this.call, code, undefined, []) as R
  }

  get expose(): boolean {
    return this.errors.expose
  }

  mapped(error: unknown): unknown {
    return isAbort(this.call, error) ? error : this.errors.mapped(this.call.method.name, error)
  }

  unsendable(error: unknown): unknown {
    return faultOf(error, `${this.call.method.name}() yielded`)
  }

  failed(error: unknown, isUnsendable: boolean): void {
    if (isUnsendable || this.errors.concern(this.call, error)) this.errors.report(this.call.method.name, error)
  }

  failedToClean(error: unknown): void {
    if (this.errors.concern(this.call, error)) this.errors.report(this.call.method.name, error)
  }

  cancelled(): void {
    if (this.open === 0) this.call.cancel()
  }

  over(): void {
    if (--this.open === 0) this.onOver()
  }
}
