import { endTrial, enter, runWith, tryWith } from '../current_call'
import { IpcError } from '../errors'
import { Column, Control } from '../native'
import { arrival } from '../references/arrival'
import { pass, takeBack } from '../references/owned'
import { sides } from '../references/sides'
import { codeNumber, control, encoder, isBlocked, native, share, shareEncoded, table } from '../runtime'
import { carriedByCall } from '../streams/carried'
import { discard, produce } from '../streams/produce'
import { codeOf, type DecodeOptions, decodeArgs, encodeError, messageOf, type Referenced } from '../values'
import { forget, InboundCall, isAbort, remember } from './context'
import { describeMethods } from './describe'
import type { Method } from './exposure'
import { type HandlerErrors, isThenable } from './handler_errors'
import type { HandlerMiddleware } from './middleware'
import { fitArguments } from './parameters'
import { faultOf, ResultStreams } from './result_streams'

/** Runs the handlers of one service, and answers for them. */
export class Dispatcher {
  /** What runs: the methods, with the middleware around them. */
  private readonly handlers: readonly Method[]

  /** `onOver` is told of every call that has been answered, when the streams of its result have ended, if it has one. */
  constructor(
    private readonly service: string,
    private readonly methods: readonly Method[],
    readonly decoding: DecodeOptions | undefined,
    private readonly errors: HandlerErrors,
    private readonly onOver: (call: InboundCall | undefined) => void,
    private readonly middleware?: HandlerMiddleware | undefined,
  ) {
    this.handlers = middleware === undefined ? methods : methods.map(method => middleware.around(method))
  }

  onInboundCall(event: number, bytes: Buffer): void {
    const method = this.handlers[table[event + Column.method] as number]
    if (method === undefined) {
      this.describe(table[event + Column.token] as number)
      return
    }
    this.take(event, bytes, method, table[event + Column.payloadStart] as number, this.decoding)
  }

  /** Runs what a call of the event is to run, whose arguments begin at `start`. */
  take(event: number, bytes: Buffer, method: Method, start: number, decoding: DecodeOptions | undefined): void {
    const call = new InboundCall(event, bytes, method)
    const carried = carriedByCall(event, decoding)
    let args: readonly unknown[]
    try {
      const end = table[event + Column.payloadEnd] as number
      const references = arrival.at(event, undefined, decoding)
      const given = decodeArgs(bytes, start, end, decoding, carried, references)
      args = this.middleware === undefined ? fitArguments(method, given) : [this.middleware.callOf(call, given)]
      carried?.finish()
    } catch (error) {
      carried?.abandon()
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

  private run(call: InboundCall, args: readonly unknown[]): void {
    let result: unknown
    let isAsync: boolean
    try {
      result = runHandler(call, args)
      isAsync = isThenable(result) // may run a getter of the handler's making
    } catch (error) {
      this.failHandler(call, error)
      return
    }
    if (call.method.isAsync !== isAsync) learnIsAsync(call.method, isAsync)
    if (!isAsync) this.finish(call, result)
    else if (isBlocked()) this.refusePromise(call, result)
    else {
      call.keepMetadata()
      this.finishAsync(call, result)
    }
  }

  /** Of a function that was called back by what its thread is blocked for. */
  private refusePromise(call: InboundCall, promise: unknown): void {
    Promise.resolve(promise).catch(() => {})
    this.fail(call, needsLoop(`${call.method.name} returned a promise`))
  }

  /** Two promises fewer than by `await`, which count where Node.js follows each of them by hooks. */
  private finishAsync(call: InboundCall, result: unknown): void {
    try {
      const settled = Promise.resolve(result).then(
        value => this.finish(call, value),
        error => this.failHandler(call, error),
      )
      void settled
    } catch (error) {
      this.failHandler(call, error) // a getter of the handler's making
    }
  }

  private finish(call: InboundCall, result: unknown): void {
    let length = 0
    try {
      if (!call.isNotification) length = encoder.encodeResult(result)
    } catch (error) {
      this.failToSend(call, encoder.streams, error)
      return
    }
    const { streams, references } = encoder
    if (streams.length > 0 && isBlocked()) {
      discard(streams, new ResultStreams(call, this.errors))
      this.fail(call, needsLoop(`${call.method.name} returned a stream`))
    } else if (call.isNotification || (streams.length === 0 && references.length === 0))
      this.answer(call.id, length, call)
    else this.answerWith(call, length, streams, references)
  }

  private failToSend(call: InboundCall, sources: readonly object[], error: unknown): void {
    const fault = faultOf(error, `${call.method.name}() returned`)
    this.refuse(call.id, fault, call)
    discard(sources, new ResultStreams(call, this.errors))
    this.errors.report(call.method.name, fault)
  }

  /** Sends the bytes that the encoder has just written. */
  private answer(callId: number, length: number, call?: InboundCall): void {
    forget(callId)
    if (call !== undefined) call.isAnswered = true
    shareEncoded()
    native().reply(callId, length)
    this.onOver(call)
  }

  private answerWith(
    call: InboundCall,
    length: number,
    sources: readonly object[],
    references: readonly Referenced[],
  ): void {
    let ids: number[]
    try {
      ids = this.pass(call, references)
    } catch (error) {
      this.failToSend(call, sources, error)
      return
    }
    call.keepMetadata()
    forget(call.id)
    call.isAnswered = true
    shareEncoded()
    const id = native().replyWith(call.id, length, sources.length, ids)
    takeBack(references) // those that were not sent
    if (sources.length === 0) {
      this.onOver(call)
      return
    }
    const streams = new ResultStreams(call, this.errors, sources.length, () => this.onOver(call))
    if (id !== undefined) {
      produce({ connection: call.connection, id }, sources, streams, control[Control.room] as number)
      return
    }
    call.cancel()
    discard(sources, streams)
    this.onOver(call)
  }

  private pass({ connection }: InboundCall, references: readonly Referenced[]): number[] {
    return references.length === 0 ? [] : pass(references, sides.passerOver(connection, this.decoding) ?? this)
  }

  private failHandler(call: InboundCall, error: unknown): void {
    const isNone = isAbort(call, error) || this.middleware?.isMisfit(error) === true
    this.fail(call, isNone ? error : this.errors.mapped(call.method.name, error))
  }

  private fail(call: InboundCall, error: unknown): void {
    const isOurConcern = this.errors.concern(call, error)
    this.refuse(call.id, error, call)
    if (isOurConcern) this.errors.report(call.method.name, error)
  }

  private refuse(callId: number, error: unknown, call?: InboundCall): void {
    forget(callId)
    if (call !== undefined) call.isAnswered = true
    const details = encodeError(error, { expose: this.errors.expose })
    share(details)
    native().replyError(callId, codeNumber(codeOf(error)), messageOf(error), details.length)
    this.onOver(call)
  }
}

function needsLoop(what: string): IpcError {
  const message = `${what}, while ipc.sync() blocks the thread that it would need: pass a function that returns values`
  return new IpcError('failed_precondition', message)
}

function runHandler(call: InboundCall, args: readonly unknown[]): unknown {
  const { fn, self, isAsync } = call.method
  if (isAsync === false) {
    const before = enter(call)
    try {
      return Reflect.apply(fn, self, args)
    } finally {
      enter(before)
    }
  }
  call.keepMetadata()
  remember(call)
  return (isAsync ? runWith : tryWith)(call, fn, self, args)
}

/** A plain function that has returned a promise is taken for an asynchronous one from then on. */
function learnIsAsync(method: Method, returnedPromise: boolean): void {
  if (returnedPromise) method.isAsync = true
  else if (method.isAsync === undefined) {
    method.isAsync = false
    endTrial()
  }
}
