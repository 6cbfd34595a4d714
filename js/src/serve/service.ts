import type { AnyRemote } from '../call_context'
import { captureStack, type IpcError, trimStack } from '../errors'
import { middlewareList } from '../middleware'
import {
  type CloseOptions,
  checkKeys,
  count,
  decodingOf,
  endpointOptions,
  fn,
  milliseconds,
  mode,
  oneOf,
  type ServeOptions,
} from '../options'
import { sides } from '../references/sides'
import {
  checkHandle,
  type InboundCallOwner,
  keepAlive,
  letGo,
  native,
  neverSpin,
  passEnvironment,
  servers,
} from '../runtime'
import { StateTracker } from '../state'
import type { ServerState, ServerStatus } from '../status'
import type { DecodeOptions } from '../values'
import { callServedAt, type InboundCall } from './context'
import { Dispatcher } from './dispatcher'
import { collectMethods, type Method } from './exposure'
import { HandlerErrors } from './handler_errors'
import { HandlerMiddleware } from './middleware'
import { narrowed } from './narrow'
import { OpenHandle } from './open_handle'
import { loadParser } from './signature'

export const serverStates = ['starting', 'listening', 'closing', 'closed'] as const
const takeovers = ['wait', 'fail', 'replace'] as const
const serveKeys = [
  'expose',
  'limits',
  'allow',
  'int64',
  'spin',
  'mode',
  'shared',
  'takeover',
  'takeoverTimeout',
  'serial',
  'onError',
  'mapError',
  'exposeErrors',
  'middleware',
]

/** Of each method by its number: one for all of a serial service, else its own for each serial method. */
function serialGroups(methods: readonly Method[], isSerialService: boolean): number[] {
  if (isSerialService) return methods.map(() => 1)
  let groups = 0
  return methods.map(method => (method.serial ? ++groups : 0))
}

/** What stands behind a Server. */
export class Service implements InboundCallOwner {
  readonly state = new StateTracker<ServerState>('starting', serverStates)
  private readonly dispatcher: Dispatcher
  readonly id: number
  /** Where it listens, or did when that was last asked. */
  private path = ''
  /** Whether it keeps the process alive while it is open. */
  private isReferenced = true
  /** Held for those who look for it. */
  readonly handle = new OpenHandle(() => this.isReferenced && !this.isAttached && this.state.current !== 'closed')
  /** How many calls have begun and are not over. The core counts those, too, that wait for their turn. */
  private begun = 0
  /** Of the calls whose handlers wait in close(), what lets them go on. */
  private readonly closers = new Map<InboundCall, () => void>()

  constructor(
    readonly address: string,
    target: unknown,
    options: ServeOptions,
    /** Listens nowhere: a client offers it to whom it connects to. */
    private readonly isAttached = false,
  ) {
    checkKeys('serve', options, serveKeys)
    loadParser()
    const methods = narrowed(collectMethods(target), options.expose)
    const middleware = middlewareList(options.middleware)
    this.dispatcher = new Dispatcher(
      address,
      methods,
      decodingOf(options),
      new HandlerErrors(
        address,
        fn('onError', options.onError, undefined),
        fn('mapError', options.mapError, undefined),
        oneOf('exposeErrors', options.exposeErrors, [true, false], true),
      ),
      call => this.over(call),
      middleware.length === 0 ? undefined : new HandlerMiddleware(address, middleware),
    )
    const { numbers } = native()
    const nativeOptions = {
      address: isAttached ? '' : address,
      attached: isAttached,
      methods: [...methods.map(method => method.name), numbers.describe],
      serialGroups: serialGroups(methods, oneOf('serial', options.serial, [true, false], false)),
      shared: oneOf('shared', options.shared, [true, false], false),
      takeover: numbers.takeover[oneOf('takeover', options.takeover, takeovers, 'wait')],
      takeoverTimeout: milliseconds('takeoverTimeout', options.takeoverTimeout, undefined),
      mode: mode('mode', options.mode),
      ...endpointOptions(options, numbers.leastLimitBytes, ['maxBytesPerUser']),
      maxBytesPerUser: count('limits.maxBytesPerUser', options.limits?.maxBytesPerUser, {
        least: numbers.leastLimitBytes,
      }),
    }
    if (options.spin === false) neverSpin()
    passEnvironment()
    this.id = checkHandle(native().serve(nativeOptions))
    servers.set(this.id, this)
    keepAlive() // until it is closed
  }

  async listening(): Promise<void> {
    await this.state.next(state => state === 'listening' || state === 'closed')
    if (this.state.current !== 'closed') return
    const reason = this.state.reason as IpcError
    captureStack(reason, this.listening)
    throw trimStack(reason)
  }

  onState(state: number, code: number, message: string): void {
    if (serverStates[state] !== 'closed') this.status() // the native side forgets a closed server
    // exit() removes sockets by itself.
    if (!this.isAttached) this.watchSocket(state)
    if (serverStates[state] === 'closed') {
      servers.delete(this.id)
      if (this.isReferenced) letGo()
    }
    this.state.change(state, code, message)
  }

  /** Node.js takes every handler of a signal away with its last listener, also that of the native side. */
  handleSignalsAgain(): void {
    if (this.state.current !== 'listening') return
    native().keepOnSignal(this.id)
    native().removeOnSignal(this.id)
  }

  private watchSocket(state: number): void {
    if (serverStates[state] === 'listening') native().removeOnSignal(this.id)
    else native().keepOnSignal(this.id)
  }

  /** Whether it is to keep the process alive from now on. */
  keepProcess(keeps: boolean): void {
    if (keeps === this.isReferenced) return
    this.isReferenced = keeps
    if (this.state.current === 'closed') return
    if (keeps) keepAlive()
    else letGo()
  }

  async close(options: CloseOptions): Promise<void> {
    checkKeys('close', options, ['grace'])
    const grace = milliseconds('grace', options.grace, native().numbers.defaultGrace)
    if (this.state.current === 'closed') return
    const closed = this.state.next(state => state === 'closed')
    native().closeServer(this.id, grace)
    this.keepProcess(true) // or it might end with this
    const call = callServedAt(this.id)
    await (call === undefined ? closed : Promise.race([closed, this.othersEnd(call)]))
  }

  /** Settles when no handlers run but those that wait for this, which the server will only be closed after. */
  private othersEnd(call: InboundCall): Promise<void> {
    return new Promise(resolve => {
      const before = this.closers.get(call)
      this.closers.set(call, () => {
        before?.()
        resolve()
      })
      this.releaseClosers()
    })
  }

  private releaseClosers(): void {
    if (this.begun > this.closers.size) return
    for (const release of this.closers.values()) release()
  }

  private over(call: InboundCall | undefined): void {
    this.begun--
    if (call !== undefined) call.isOver = true
    if (this.closers.size === 0) return
    if (call !== undefined) this.closers.delete(call)
    this.releaseClosers()
  }

  get decoding(): DecodeOptions | undefined {
    return this.dispatcher.decoding
  }

  peers(): AnyRemote[] {
    return native()
      .peers(this.id)
      .flatMap(({ connection }) => sides.remoteOver(connection, this.decoding) ?? [])
  }

  status(): ServerStatus {
    const status = native().serverStatus(this.id)
    if (status.path !== '') this.path = status.path
    return { ...status, address: this.address, path: this.path, state: this.state.current }
  }

  onInboundCall(event: number, bytes: Buffer): void {
    this.begun++
    this.dispatcher.onInboundCall(event, bytes)
  }

  onLostCall(event: number, error: unknown): void {
    this.begun++
    this.dispatcher.onLostCall(event, error)
  }
}
