import { IpcError, isIpcError } from '../errors'
import { Column } from '../native'
import { codeNumber, encoder, native, share, shareEncoded, table } from '../runtime'
import { codeOf, type DecodeOptions, decodeArgs, encodeError, isKwargs, messageOf } from '../values'
import { callerGone, contextOf, enter, forget, type HandlerContext, type InboundCall, inboundCallAt } from './context'
import { describeMethods } from './describe'
import type { Method } from './exposure'
import { type HandlerErrors, isThenable } from './handler_errors'
import { bind, expectSeen } from './parameters'
import { SerialQueue } from './serial_queue'

const noBytes = Buffer.alloc(0)

/** Runs the handlers of one service, and answers for them. */
export class Dispatcher {
  private readonly serialQueues: ReadonlyMap<Method, SerialQueue>

  /** `onAnswered` is told of every call that has been answered. */
  constructor(
    private readonly service: string,
    private readonly methods: readonly Method[],
    private readonly options: { serial: boolean; decoding: DecodeOptions | undefined },
    private readonly errors: HandlerErrors,
    private readonly onAnswered: (callId: number) => void,
  ) {
    this.serialQueues = serialQueuesOf(methods, options.serial)
  }

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
      args = fit(method, decodeArgs(bytes, table[event + Column.payloadStart] as number, end, this.options.decoding))
    } catch (error) {
      this.fail(call, error)
      return
    }
    const queue = this.serialQueues.size === 0 ? undefined : this.serialQueues.get(method)
    if (queue === undefined) this.run(call, args)
    else this.enqueue(queue, call, args)
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

  /** Runs the handler when its turn comes, unless the caller has given up by then. */
  private enqueue(queue: SerialQueue, call: InboundCall, args: unknown[]): void {
    let context: HandlerContext
    try {
      context = contextOf(call)
    } catch (error) {
      this.fail(call, error)
      return
    }
    const waiting = { ...call, bytes: noBytes }
    queue.add(() => {
      if (!context.isCancelled) return this.run(waiting, args)
      this.refuse(call.id, callerGone())
      return undefined
    })
  }

  /** Runs the handler. Returns a promise of its end where it is not over yet. */
  private run(call: InboundCall, args: unknown[]): Promise<void> | undefined {
    const before = enter(call)
    let result: unknown
    let isAsync: boolean
    try {
      result = Reflect.apply(call.method.fn, call.method.self, args)
      isAsync = isThenable(result) // may run a getter of the handler's making
    } catch (error) {
      this.fail(call, error)
      return undefined
    } finally {
      enter(before)
    }
    if (isAsync) return this.finishAsync(call, result)
    this.finish(call, result)
    return undefined
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

/** The queues of the methods that run one call at a time: one for all of a serial service. */
function serialQueuesOf(methods: readonly Method[], serial: boolean): Map<Method, SerialQueue> {
  const common = new SerialQueue()
  const serialMethods = methods.filter(method => serial || method.serial)
  return new Map(serialMethods.map(method => [method, serial ? common : new SerialQueue()]))
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
