import {
  type Arrival,
  arrivalOf,
  callerGone,
  contextOf,
  enter,
  forget,
  type HandlerContext,
  isAbort,
  requestAt,
} from './context'
import { describeCall, describeMethods } from './describe'
import { captureStack, IpcError, isA, RemoteError } from './errors'
import { collectMethods, type Method } from './exposure'
import { Lane } from './lane'
import { laterServeOptions } from './later'
import { Column } from './native'
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
} from './options'
import { bind, checkArity } from './parameters'
import {
  checkHandle,
  codeNumber,
  encoder,
  keepAlive,
  letGo,
  native,
  neverSpin,
  type RequestOwner,
  servers,
  share,
  shareEncoded,
  table,
} from './runtime'
import { loadParser } from './signature'
import { StateBoard } from './state'
import type { ServerState, ServerStatus } from './status'
import { codeOf, type DecodeOptions, decodeArgs, encodeError, Kwargs, messageOf } from './values'

const states = ['starting', 'listening', 'closing', 'closed'] as const
const takeovers = ['wait', 'fail', 'replace'] as const
const serveKeys = ['limits', 'allow', 'int64', 'spin', 'mode', 'takeover', 'takeoverTimeout', 'serial', 'onError']
const defaultGrace = 10_000
const noBytes = Buffer.alloc(0)

/** What stands behind a Server. */
export class Service implements RequestOwner {
  readonly board = new StateBoard<ServerState>('starting', states)
  private readonly methods: readonly Method[]
  private readonly decoding: DecodeOptions | undefined
  private readonly tellError: (error: unknown, info: HandlerErrorInfo) => unknown
  private readonly lanes: ReadonlyMap<Method, Lane>
  private readonly id: number
  /** Of the requests whose handlers wait in close(), what lets them go on. */
  private readonly closers = new Map<number, () => void>()

  constructor(
    readonly address: string,
    target: unknown,
    options: ServeOptions,
  ) {
    checkKeys('serve', options, serveKeys, laterServeOptions)
    loadParser()
    this.methods = collectMethods(target)
    this.decoding = decodingOf(options)
    this.tellError = fn('onError', options.onError, logError)
    this.lanes = lanesOf(this.methods, oneOf('serial', options.serial, [true, false], false))
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
    await this.board.next(state => state === 'listening' || state === 'closed')
    if (this.board.state !== 'closed') return
    const reason = this.board.reason as IpcError
    captureStack(reason, this.listening)
    throw reason
  }

  onState(state: number, code: number, message: string): void {
    if (states[state] === 'closed') {
      servers.delete(this.id)
      letGo()
    }
    this.board.change(state, code, message)
  }

  async close(options: CloseOptions): Promise<void> {
    checkKeys('close', options, ['grace'])
    const grace = milliseconds('grace', options.grace, defaultGrace)
    if (this.board.state === 'closed') return
    const closed = this.board.next(state => state === 'closed')
    native().closeServer(this.id, grace)
    const request = requestAt(this.id)
    await (request === undefined ? closed : Promise.race([closed, this.othersEnd(request)]))
  }

  /** Settles when no handlers run but those that wait for this, which the server will only be closed after. */
  private othersEnd(request: number): Promise<void> {
    return new Promise(resolve => {
      const before = this.closers.get(request)
      this.closers.set(request, () => {
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

  private answered(request: number): void {
    this.closers.delete(request)
    this.releaseClosers()
  }

  status(): ServerStatus {
    const status = native().serverStatus(this.id)
    return { ...status, address: this.address, state: this.board.state }
  }

  onRequest(row: number, bytes: Buffer): void {
    const request = table[row + Column.token] as number
    const method = this.methods[table[row + Column.method] as number]
    let args: unknown[]
    try {
      const end = table[row + Column.payloadEnd] as number
      args = decodeArgs(bytes, table[row + Column.payloadStart] as number, end, this.decoding)
      if (method === undefined) {
        this.answer(request, { service: this.address, methods: describeMethods(this.methods) })
        return
      }
      args = fit(method, args)
    } catch (error) {
      this.refuse(request, error)
      return
    }
    const arrival = arrivalOf(row, bytes, request, method.name)
    const lane = this.lanes.size === 0 ? undefined : this.lanes.get(method)
    if (lane === undefined) this.run(method, arrival, args)
    else this.queue(lane, method, arrival, args)
  }

  /** Runs the handler when its turn comes, unless the caller has given up by then. */
  private queue(lane: Lane, method: Method, arrival: Arrival, args: unknown[]): void {
    let context: HandlerContext
    try {
      context = contextOf(arrival)
    } catch (error) {
      this.refuse(arrival.request, error)
      return
    }
    const later = { ...arrival, bytes: noBytes }
    lane.add(() => {
      if (!context.isCancelled) return this.run(method, later, args)
      this.refuse(arrival.request, callerGone())
      return undefined
    })
  }

  /** Runs the handler. Returns a promise of its end where it is not over yet. */
  private run(method: Method, arrival: Arrival, args: unknown[]): Promise<void> | undefined {
    const { request } = arrival
    const before = enter(arrival)
    let result: unknown
    let comesLater: boolean
    try {
      result = Reflect.apply(method.fn, method.self, args)
      comesLater = isThenable(result) // may run a getter of the handler's making
    } catch (error) {
      this.fail(request, method, error)
      return undefined
    } finally {
      enter(before)
    }
    if (comesLater) return this.finishLater(request, method, result)
    this.finish(request, method, result)
    return undefined
  }

  /** Never rejects. */
  private async finishLater(request: number, method: Method, result: unknown): Promise<void> {
    let value: unknown
    try {
      value = await result
    } catch (error) {
      this.fail(request, method, error)
      return
    }
    this.finish(request, method, value)
  }

  private finish(request: number, method: Method, result: unknown): void {
    try {
      this.answer(request, result)
    } catch (error) {
      this.tell(method, error)
      this.refuse(request, error)
    }
  }

  /** Throws when the value cannot be sent. */
  private answer(request: number, value: unknown): void {
    const length = encoder.encodeResult(value)
    forget(request)
    shareEncoded()
    native().reply(request, length)
    if (this.closers.size > 0) this.answered(request)
  }

  private fail(request: number, method: Method, error: unknown): void {
    const isMeant = isA(error, IpcError) && !isA(error, RemoteError)
    if (!isMeant && !isAbort(request, error)) this.tell(method, error)
    this.refuse(request, error)
  }

  private refuse(request: number, error: unknown): void {
    forget(request)
    const details = encodeError(error)
    share(details)
    native().replyError(request, codeNumber(codeOf(error)), messageOf(error), details.length)
    if (this.closers.size > 0) this.answered(request)
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

/** The lanes of the methods that run one call at a time: one for all of a serial service. */
function lanesOf(methods: readonly Method[], serial: boolean): Map<Method, Lane> {
  const common = new Lane()
  const inLanes = methods.filter(method => serial || method.serial)
  return new Map(inLanes.map(method => [method, serial ? common : new Lane()]))
}

/** The arguments as the function takes them, keyword ones in their places. */
function fit(method: Method, args: unknown[]): unknown[] {
  const last = args.length > 0 ? args[args.length - 1] : undefined
  if (last instanceof Kwargs) {
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
