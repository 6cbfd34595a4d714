import { captureStack, type IpcError, isIpcError, isRemoteError } from '../errors'
import { Column } from '../native'
import {
  type CloseOptions,
  checkKeys,
  count,
  decodingOf,
  endpointOptions,
  fn,
  type HandlerErrorInfo,
  milliseconds,
  oneOf,
  type ServeOptions,
} from '../options'
import {
  checkHandle,
  codeNumber,
  encoder,
  type InboundCallOwner,
  keepAlive,
  letGo,
  native,
  neverSpin,
  servers,
  share,
  shareEncoded,
  table,
} from '../runtime'
import { StateTracker } from '../state'
import type { ServerState, ServerStatus } from '../status'
import { unimplementedServeOptions } from '../unimplemented'
import { codeOf, type DecodeOptions, decodeArgs, encodeError, isKwargs, messageOf } from '../values'
import {
  callerGone,
  callRunningAt,
  contextOf,
  enter,
  forget,
  type HandlerContext,
  type InboundCall,
  inboundCallAt,
  isAbort,
} from './context'
import { describeCall, describeMethods } from './describe'
import { collectMethods, type Method } from './exposure'
import { bind, checkArity } from './parameters'
import { SerialQueue } from './serial_queue'
import { loadParser } from './signature'

const states = ['starting', 'listening', 'closing', 'closed'] as const
const takeovers = ['wait', 'fail', 'replace'] as const
const serveKeys = ['limits', 'allow', 'int64', 'spin', 'mode', 'takeover', 'takeoverTimeout', 'serial', 'onError']
const defaultGrace = 10_000
const noBytes = Buffer.alloc(0)

/** What stands behind a Server. */
export class Service implements InboundCallOwner {
  readonly state = new StateTracker<ServerState>('starting', states)
  private readonly methods: readonly Method[]
  private readonly decoding: DecodeOptions | undefined
  private readonly tellError: (error: unknown, info: HandlerErrorInfo) => unknown
  private readonly serialQueues: ReadonlyMap<Method, SerialQueue>
  private readonly id: number
  /** Of the calls whose handlers wait in close(), what lets them go on. */
  private readonly closers = new Map<number, () => void>()

  constructor(
    readonly address: string,
    target: unknown,
    options: ServeOptions,
  ) {
    checkKeys('serve', options, serveKeys, unimplementedServeOptions)
    loadParser()
    this.methods = collectMethods(target)
    this.decoding = decodingOf(options)
    this.tellError = fn('onError', options.onError, logError)
    this.serialQueues = serialQueuesOf(this.methods, oneOf('serial', options.serial, [true, false], false))
    const nativeOptions = {
      address,
      methods: [...this.methods.map(method => method.name), describeCall],
      takeover: takeovers.indexOf(oneOf('takeover', options.takeover, takeovers, 'wait')),
      takeoverTimeout: milliseconds('takeoverTimeout', options.takeoverTimeout, 2000),
      mode: count('mode', options.mode, 0o600, 0o777),
      ...endpointOptions(options, ['maxBytesPerUser']),
      maxBytesPerUser: count('limits.maxBytesPerUser', options.limits?.maxBytesPerUser, 1024 * 1024 * 1024),
    }
    if (options.spin === false) neverSpin()
    this.id = checkHandle(native().serve(nativeOptions))
    servers.set(this.id, this)
    keepAlive() // until it is closed
  }

  async listening(): Promise<void> {
    await this.state.next(state => state === 'listening' || state === 'closed')
    if (this.state.current !== 'closed') return
    const reason = this.state.reason as IpcError
    captureStack(reason, this.listening)
    throw reason
  }

  onState(state: number, code: number, message: string): void {
    if (states[state] === 'closed') {
      servers.delete(this.id)
      letGo()
    }
    this.state.change(state, code, message)
  }

  async close(options: CloseOptions): Promise<void> {
    checkKeys('close', options, ['grace'])
    const grace = milliseconds('grace', options.grace, defaultGrace)
    if (this.state.current === 'closed') return
    const closed = this.state.next(state => state === 'closed')
    native().closeServer(this.id, grace)
    const callId = callRunningAt(this.id)
    await (callId === undefined ? closed : Promise.race([closed, this.othersEnd(callId)]))
  }

  /** Settles when no handlers run but those that wait for this, which the server will only be closed after. */
  private othersEnd(callId: number): Promise<void> {
    return new Promise(resolve => {
      const before = this.closers.get(callId)
      this.closers.set(callId, () => {
        before?.()
        resolve()
      })
      this.releaseClosers()
    })
  }

  private releaseClosers(): void {
    if (native().serverStatus(this.id).runningCalls > this.closers.size) return
    for (const release of this.closers.values()) release()
  }

  private answered(callId: number): void {
    this.closers.delete(callId)
    this.releaseClosers()
  }

  status(): ServerStatus {
    const status = native().serverStatus(this.id)
    return { ...status, address: this.address, state: this.state.current }
  }

  onInboundCall(event: number, bytes: Buffer): void {
    const callId = table[event + Column.token] as number
    const method = this.methods[table[event + Column.method] as number]
    let args: unknown[]
    try {
      const end = table[event + Column.payloadEnd] as number
      args = decodeArgs(bytes, table[event + Column.payloadStart] as number, end, this.decoding)
      if (method === undefined) {
        this.answer(callId, { service: this.address, methods: describeMethods(this.methods) })
        return
      }
      args = fit(method, args)
    } catch (error) {
      this.refuse(callId, error)
      return
    }
    const call = inboundCallAt(event, bytes, callId, method.name)
    const serialQueue = this.serialQueues.size === 0 ? undefined : this.serialQueues.get(method)
    if (serialQueue === undefined) this.run(method, call, args)
    else this.queue(serialQueue, method, call, args)
  }

  onLostCall(event: number, error: unknown): void {
    this.refuse(table[event + Column.token] as number, error)
  }

  /** Runs the handler when its turn comes, unless the caller has given up by then. */
  private queue(serialQueue: SerialQueue, method: Method, call: InboundCall, args: unknown[]): void {
    let context: HandlerContext
    try {
      context = contextOf(call)
    } catch (error) {
      this.refuse(call.id, error)
      return
    }
    const waiting = { ...call, bytes: noBytes }
    serialQueue.add(() => {
      if (!context.isCancelled) return this.run(method, waiting, args)
      this.refuse(call.id, callerGone())
      return undefined
    })
  }

  /** Runs the handler. Returns a promise of its end where it is not over yet. */
  private run(method: Method, call: InboundCall, args: unknown[]): Promise<void> | undefined {
    const { id: callId } = call
    const before = enter(call)
    let result: unknown
    let isAsync: boolean
    try {
      result = Reflect.apply(method.fn, method.self, args)
      isAsync = isThenable(result) // may run a getter of the handler's making
    } catch (error) {
      this.fail(callId, method, error)
      return undefined
    } finally {
      enter(before)
    }
    if (isAsync) return this.finishAsync(callId, method, result)
    this.finish(callId, method, result)
    return undefined
  }

  /** Never rejects. */
  private async finishAsync(callId: number, method: Method, result: unknown): Promise<void> {
    let value: unknown
    try {
      value = await result
    } catch (error) {
      this.fail(callId, method, error)
      return
    }
    this.finish(callId, method, value)
  }

  private finish(callId: number, method: Method, result: unknown): void {
    try {
      this.answer(callId, result)
    } catch (error) {
      this.tell(method, error)
      this.refuse(callId, error)
    }
  }

  /** Throws when the value cannot be sent. */
  private answer(callId: number, value: unknown): void {
    const length = encoder.encodeResult(value)
    forget(callId)
    shareEncoded()
    native().reply(callId, length)
    if (this.closers.size > 0) this.answered(callId)
  }

  private fail(callId: number, method: Method, error: unknown): void {
    const isMeant = isIpcError(error) && !isRemoteError(error)
    if (!isMeant && !isAbort(callId, error)) this.tell(method, error)
    this.refuse(callId, error)
  }

  private refuse(callId: number, error: unknown): void {
    forget(callId)
    const details = encodeError(error)
    share(details)
    native().replyError(callId, codeNumber(codeOf(error)), messageOf(error), details.length)
    if (this.closers.size > 0) this.answered(callId)
  }

  private tell(method: Method, error: unknown): void {
    const logSecond = (second: unknown) =>
      logError(second, { service: this.address, method: `${method.name} (in onError)` })
    try {
      const told: unknown = this.tellError(error, { service: this.address, method: method.name })
      if (isThenable(told)) Promise.resolve(told).catch(logSecond)
    } catch (second) {
      logSecond(second)
    }
  }
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
  if (args.length < method.least || args.length > method.most) {
    // Only now is the source worth reading: the function itself knows of no defaults and no rest.
    const { least, most } = method.signature()
    method.least = least
    method.most = most
    checkArity(method.name, method.signature(), args.length)
  }
  return args
}

function isThenable(value: unknown): boolean {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

function logError(error: unknown, { service, method }: HandlerErrorInfo): void {
  const what = `ipcbridge: ${service}: ${method} failed:`
  try {
    // biome-ignore lint/suspicious/noConsole: where errors of handlers go unless onError takes them
    console.error(what, error)
  } catch {
    // biome-ignore lint/suspicious/noConsole: printing has run what the handler threw, which threw again
    console.error(what, '(what was thrown cannot be printed)')
  }
}
