import { IpcError, isIpcError } from '../errors'
import { Column } from '../native'
import { codeNumber, encoder, native, share, shareEncoded, table } from '../runtime'
import { codeOf, type DecodeOptions, decodeArgs, encodeError, isKwargs, messageOf } from '../values'
import { enter, forget, type InboundCall, inboundCallAt } from './context'
import { describeMethods } from './describe'
import type { Method } from './exposure'
import { type HandlerErrors, isThenable } from './handler_errors'
import { bind, expectSeen } from './parameters'

/** Runs the handlers of one service, and answers for them. */
export class Dispatcher {
  /** `onAnswered` is told of every call that has been answered. */
  constructor(
    private readonly service: string,
    private readonly methods: readonly Method[],
    private readonly decoding: DecodeOptions | undefined,
    private readonly errors: HandlerErrors,
    private readonly onAnswered: (callId: number) => void,
  ) {}

  onInboundCall(event: number, bytes: Buffer): void {
    const method = this.methods[table[event + Column.method] as number]
    if (method === undefined) {
      this.describe(table[event + Column.token] as number)
      return
    }
    const call = inboundCallAt(event, bytes, method)
    let args: unknown[]
    try {
      const end = table[event + Column.payloadEnd] as number
      args = fit(method, decodeArgs(bytes, table[event + Column.payloadStart] as number, end, this.decoding))
    } catch (error) {
      this.fail(call, error)
      return
    }
    this.run(call, args)
  }

  onLostCall(event: number, error: unknown): void {
    this.refuse(table[event + Column.token] as number, error)
  }

  private describe(callId: number): void {
    try {
      this.answer(callId, encoder.encodeResult({ service: this.service, methods: describeMethods(this.methods) }))
    } catch (error) {
      this.refuse(callId, error)
    }
  }

  private run(call: InboundCall, args: unknown[]): void {
    const before = enter(call)
    let result: unknown
    let isAsync: boolean
    try {
      result = Reflect.apply(call.method.fn, call.method.self, args)
      isAsync = isThenable(result) // may run a getter of the handler's making
    } catch (error) {
      this.fail(call, error)
      return
    } finally {
      enter(before)
    }
    if (isAsync) void this.finishAsync(call, result)
    else this.finish(call, result)
  }

  /** Never rejects. */
  private async finishAsync(call: InboundCall, result: unknown): Promise<void> {
    let value: unknown
    try {
      value = await result
    } catch (error) {
      this.fail(call, error)
      return
    }
    this.finish(call, value)
  }

  private finish(call: InboundCall, result: unknown): void {
    let length = 0
    try {
      if (!call.isNotification) length = encoder.encodeResult(result)
    } catch (error) {
      const fault = faultOf(error)
      this.refuse(call.id, fault)
      this.errors.report(call.method.name, fault)
      return
    }
    this.answer(call.id, length)
  }

  /** Sends the bytes that the encoder has just written. */
  private answer(callId: number, length: number): void {
    forget(callId)
    shareEncoded()
    native().reply(callId, length)
    this.onAnswered(callId)
  }

  private fail(call: InboundCall, error: unknown): void {
    const isOurConcern = this.errors.concern(call, error)
    this.refuse(call.id, error)
    if (isOurConcern) this.errors.report(call.method.name, error)
  }

  private refuse(callId: number, error: unknown): void {
    forget(callId)
    const details = encodeError(error)
    share(details)
    native().replyError(callId, codeNumber(codeOf(error)), messageOf(error), details.length)
    this.onAnswered(callId)
  }
}

/** That a result cannot be sent is the service's fault, and not that of the caller's arguments. */
function faultOf(error: unknown): unknown {
  if (!isIpcError(error) || error.code !== 'invalid_argument') return error
  return new IpcError('internal', error.message, undefined, error.cause === undefined ? {} : { cause: error.cause })
}

/** The arguments as the function takes them, keyword ones in their places. */
function fit(method: Method, args: unknown[]): unknown[] {
  const last = args.length > 0 ? args[args.length - 1] : undefined
  if (isKwargs(last)) {
    args.pop()
    return bind(method.name, method.signature(), args, last.values)
  }
  if (args.length > method.most) {
    // Only now is the source worth reading: the function itself knows of no defaults and no rest.
    method.most = method.signature().most
    expectSeen(method.name, method.signature(), args)
  }
  return args
}
