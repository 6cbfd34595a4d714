import { makeMark, withMark } from '../chain'
import { currentCall } from '../current_call'
import { captureStack, type IpcError, trimStack, withSent } from '../errors'
import type { Metadata } from '../metadata'
import { type Middleware, middlewareList } from '../middleware'
import { dropped } from '../native'
import { type ConnectOptions, count, decodingOf, endpointOptions, milliseconds } from '../options'
import { pass, takeBack } from '../references/owned'
import {
  checkHandle,
  encoder,
  keepAlive,
  lastFailure,
  letGo,
  native,
  neverSpin,
  type Owner,
  passEnvironment,
  shareEncodedWith,
} from '../runtime'
import { StateTracker } from '../state'
import type { ClientState, ClientStatus } from '../status'
import { Stream } from '../streams/stream'
import type { DecodeOptions } from '../values'
import { abortError, whenAborted } from './abort'
import { ArgumentStreams } from './argument_streams'
import { BlockingCall, BlockingItems, BlockingLimit } from './blocking'
import { SyncStream } from './blocking_stream'
import { type Call, makeCall, rejectedCall } from './call'
import { inherit } from './inherited'
import { keepClient, registerClient, unregisterClient } from './lifetime'
import { MethodNumbers } from './method_numbers'
import { CallMiddleware } from './middleware'
import { Dropped } from './notifications'
import { cancelSlot, dropSlot, type Slot, settleFailed, takeSlot } from './pending'
import type { Received } from './received'
import { limitsStreams, noSettings, type Settings } from './settings'
import { StreamLimits } from './stream_limits'
import { endsAtOnce, idsOf, write } from './written'

export const clientStates = ['connecting', 'ready', 'reconnecting', 'disconnected', 'closed'] as const

interface ClientInit {
  addresses: readonly string[]
  id: number
  decoding: DecodeOptions | undefined
  state: ClientState
  onClosed: () => void
  /** It stays although nobody may hold it. */
  isKept?: boolean
  middleware?: readonly Middleware[]
  isLazy?: boolean
}

/** What calls methods by their numbers. */
interface Callable {
  call(method: number, args: readonly unknown[], settings: Settings | undefined): Call<unknown>
  callBlocking(method: number, args: readonly unknown[], settings: Settings): unknown
  notify(method: number, args: readonly unknown[], settings: Settings | undefined): boolean
}

/** What a client offers to whom it connects to. */
export interface Offered {
  /** An attached server. */
  server?: number | undefined
  name?: string | undefined
  onClosed?: () => void
}

type Marked = Settings & { readonly metadata: Metadata }

/** The caller's end of a service. */
export class Client implements Owner {
  readonly state: StateTracker<ClientState>
  readonly addresses: readonly string[]
  readonly decoding: DecodeOptions | undefined
  /** What calls of its methods pass: itself, or the middleware around them. */
  readonly entry: Callable
  /** Told whenever the service may offer other methods than before. */
  onMethods: (names: string[]) => void = () => {}
  private readonly id: number
  /** It connects with its first call. */
  readonly isLazy: boolean
  private hasHeard = false
  private readonly onClosed: (() => void)[]
  private lastBlocked: { settings: Settings; sent: Marked } | undefined
  private readonly methods: MethodNumbers
  private readonly droppedNotifications: Dropped

  constructor({
    addresses,
    id,
    decoding,
    state,
    onClosed,
    isKept = false,
    middleware = [],
    isLazy = false,
  }: ClientInit) {
    this.addresses = addresses
    this.id = id
    this.methods = new MethodNumbers(id)
    this.droppedNotifications = new Dropped(addresses)
    this.decoding = decoding
    this.isLazy = isLazy
    this.entry = middleware.length === 0 ? this : new CallMiddleware(this, middleware)
    this.state = new StateTracker<ClientState>(state, clientStates, isListened =>
      keepClient(this, (isListened || isKept) && this.state.current !== 'closed'),
    )
    this.onClosed = [onClosed]
    if (isKept) keepClient(this, true)
  }

  /** A client that begins to connect. */
  static connect(addresses: readonly string[], options: ConnectOptions, offered: Offered = {}): Client {
    const nativeOptions = {
      addresses: [...addresses],
      connectTimeout: milliseconds('connectTimeout', options.connectTimeout, undefined),
      maxQueuedBytes: count('maxQueuedBytes', options.maxQueuedBytes),
      ...endpointOptions(options, native().numbers.leastLimitBytes),
      serves: offered.server,
      name: offered.name ?? '',
      lazy: options.lazy ?? false,
    }
    const decoding = decodingOf(options)
    const middleware = middlewareList(options.middleware)
    if (options.spin === false) neverSpin()
    passEnvironment()
    const id = checkHandle(native().connect(nativeOptions))
    const onClosed = () => {
      unregisterClient(client, id)
      offered.onClosed?.()
    }
    const client = new Client({
      addresses,
      id,
      decoding,
      state: options.lazy ? 'disconnected' : 'connecting',
      onClosed,
      isKept: offered.server !== undefined,
      middleware,
      isLazy: options.lazy ?? false,
    })
    registerClient(client, id)
    return client
  }

  onState(state: number, code: number, message: string): void {
    if (clientStates[state] === 'ready') this.tellMethods()
    if (clientStates[state] !== this.state.current) this.state.change(state, code, message)
    if (clientStates[state] === 'closed') for (const act of this.onClosed.splice(0)) act()
  }

  /** Does it when this is closed, and keeps nothing in memory until then. */
  whenClosed(act: () => void): void {
    if (this.state.current === 'closed') act()
    else this.onClosed.push(act)
  }

  /** Whether nobody knows yet what the service offers. */
  get isUnheard(): boolean {
    return this.isLazy && !this.hasHeard && this.state.current !== 'closed'
  }

  tellMethods(): void {
    this.hasHeard = true
    this.onMethods(native().methods(this.id))
  }

  /** Waits for the first connection; the process stays alive for it. */
  async ready(): Promise<void> {
    keepAlive()
    try {
      await this.state.next(state => state === 'ready' || state === 'closed')
    } finally {
      letGo()
    }
    if (this.state.current !== 'closed') return
    const reason = withSent(this.state.reason as IpcError, 'no')
    captureStack(reason, this.ready)
    throw trimStack(reason)
  }

  async close(): Promise<void> {
    if (this.state.current === 'closed') return
    keepAlive()
    native().closeClient(this.id)
    await this.state.next(state => state === 'closed')
    letGo()
  }

  /** Of a name that the service has, or had: it stays for as long as the client. */
  methodNumber(name: string): number {
    return this.methods.numberOf(name)
  }

  /** Calls whatever name a user gave. */
  callNamed(name: string, args: readonly unknown[], settings: Settings | undefined): Call<unknown> {
    let method: number
    try {
      method = this.findMethod(name)
    } catch (error) {
      return rejectedCall(error)
    }
    return this.entry.call(method, args, settings)
  }

  /** The same, for which the thread is blocked. */
  callNamedBlocking(name: string, args: readonly unknown[], settings: Settings): unknown {
    return this.entry.callBlocking(this.findMethod(name), args, settings)
  }

  private findMethod(name: string): number {
    return this.methods.find(name, this.state.current === 'closed')
  }

  /** `on`: what is called is no method of the service, but that of a reference which it has passed. */
  call(method: number, args: readonly unknown[], given: Settings | undefined, on?: Received): Call<unknown> {
    let settings: Settings | undefined
    let length: number
    try {
      settings = this.settingsHere(method, given, on)
      length = this.write(method, args, settings, on)
    } catch (error) {
      return rejectedCall(error)
    }
    const slot = takeSlot(this)
    const call = makeCall(slot)
    const { reject } = slot
    const failed = this.begin(slot, method, length, settings, on)
    if (failed !== undefined) reject?.(failed)
    return call
  }

  /** The same, for which the thread is blocked: returns the result, or throws. */
  callBlocking(method: number, args: readonly unknown[], given: Settings, on?: Received): unknown {
    const settings = this.settingsHere(method, given, on) as Settings
    const length = this.write(method, args, settings, on)
    const mark = makeMark() // behind the getters of the arguments, which may make calls of the same kind
    const sent = this.withMetadata(settings, withMark(settings.metadata, mark))
    shareEncodedWith(length, sent.metadata.bytes)
    const slot = takeSlot(this)
    slot.streams = this.argumentStreams(method, on)
    const passed = { mark, references: idsOf(encoder.references), streams: slot.streams }
    const limit = new BlockingLimit(this.nameOf(method, on), settings.blocked)
    const blocking = new BlockingCall(slot, passed, limit, () => this.cancel(slot))
    try {
      slot.streams?.expectSync()
    } catch (error) {
      dropSlot(slot)
      throw error
    }
    const failed = this.begin(slot, method, length, sent, on)
    if (failed !== undefined) throw failed
    const result = blocking.wait()
    const inbound = Stream.inboundOf(result)
    if (inbound === undefined) return result
    return new SyncStream(result as Stream<unknown>, new BlockingItems(inbound, passed, limit))
  }

  /** The next call's settings and metadata are mostly the same objects. */
  private withMetadata(settings: Settings, metadata: Metadata): Marked {
    const { lastBlocked } = this
    if (lastBlocked?.settings === settings && lastBlocked.sent.metadata === metadata) return lastBlocked.sent
    const sent = { ...settings, metadata }
    this.lastBlocked = { settings, sent }
    return sent
  }

  /** What holds for a call that is made here. */
  private settingsHere(method: number, given: Settings | undefined, on?: Received): Settings | undefined {
    const served = currentCall()
    const settings = served === undefined ? given : inherit(given, served, this.nameOf(method, on))
    // Before the arguments are encoded: of another realm's signal this may run code that makes calls.
    if (settings?.signal?.aborted) throw abortError(this.nameOf(method, on), settings.signal, 'no')
    return settings
  }

  private write(
    method: number,
    args: readonly unknown[],
    settings: Settings | undefined,
    on: Received | undefined,
  ): number {
    try {
      return write(args, settings?.metadata?.bytes, on?.id)
    } catch (error) {
      this.argumentStreams(method, on)?.discard()
      throw error
    }
  }

  /** Sends a call that has been written. What is wrong with it, which has ended it. */
  private begin(slot: Slot, method: number, length: number, settings: Settings | undefined, on?: Received): unknown {
    slot.method = method
    slot.on = on
    slot.streams ??= this.argumentStreams(method, on)
    let failed: number | undefined
    try {
      if (settings === undefined && slot.streams === undefined && on === undefined && encoder.references.length === 0) {
        failed = native().call(this.id, slot.token, method, length)
      } else {
        failed = this.callWith(slot, method, length, settings ?? noSettings, on)
      }
    } catch (error) {
      dropSlot(slot)
      return error
    }
    if (failed !== undefined) {
      dropSlot(slot)
      return trimStack(lastFailure(failed))
    }
    if (settings?.signal !== undefined) this.watch(slot, method, settings.signal, on)
    return undefined
  }

  /** What is streamed of the arguments that were encoded last. */
  private argumentStreams(method: number, on?: Received): ArgumentStreams | undefined {
    const { streams } = encoder
    return streams.length === 0 ? undefined : new ArgumentStreams(streams, this.nameOf(method, on))
  }

  private callWith(slot: Slot, method: number, length: number, settings: Settings, on?: Received): number | undefined {
    if (limitsStreams(settings)) {
      slot.limits = new StreamLimits(this.nameOf(method, on), settings)
    }
    const { references } = encoder
    if (references.length > 0) slot.references = references
    const failed = this.send(slot.token, method, length, settings, on)
    if (failed !== undefined) takeBack(references)
    return failed
  }

  /** Returns whether the queue had room for it, or somebody was there. Throws what is wrong with the call itself. */
  notify(method: number, args: readonly unknown[], own: Settings | undefined, on?: Received): boolean {
    const served = currentCall()
    const settings = served === undefined ? own : inherit(own, served, this.nameOf(method, on), true)
    if (settings?.signal?.aborted) throw abortError(this.nameOf(method, on), settings.signal, 'no')
    const given = settings ?? noSettings
    let length: number
    try {
      length = write(args, given.metadata?.bytes, on?.id)
    } finally {
      this.argumentStreams(method, on)?.discard() // nobody would read them
    }
    const { references } = encoder
    if (references.some(({ isRetained }) => !isRetained)) throw endsAtOnce()
    const flags = given.flags | native().numbers.callFlag.notify
    const failed = this.send(0, method, length, { ...given, flags }, on)
    if (failed === undefined) return true
    takeBack(references)
    if (failed !== dropped) throw lastFailure(failed)
    this.droppedNotifications.add()
    return false
  }

  /** Sends what the encoder has just written. */
  private send(token: number, method: number, length: number, settings: Settings, on?: Received): number | undefined {
    const { metadata, flags, timeout } = settings
    const { streams, references } = encoder
    const size = metadata?.bytes.length ?? 0
    const { id } = this
    if (references.length === 0 && on === undefined) {
      return native().callWith(id, token, method, length, size, flags, timeout, streams.length)
    }
    const ids = pass(references, this)
    const [over, name] = on === undefined ? [0] : [on.connection, on.nameOf(method)]
    return native().callReferences(id, token, method, length, size, flags, timeout, streams.length, ids, over, name)
  }

  private watch(slot: Slot, method: number, signal: AbortSignal, on?: Received): void {
    const abort = () => {
      const { resolve, fail } = slot
      this.cancel(slot)
      settleFailed(resolve, fail, abortError(this.nameOf(method, on), signal, 'maybe'))
    }
    slot.whenSettled = whenAborted(signal, abort)
    if (signal.aborted) abort() // by what ran while the arguments were read
  }

  private cancel(slot: Slot): void {
    native().cancel(this.id, slot.token)
    cancelSlot(slot)
  }

  nameOf(method: number, on?: Received): string {
    return on?.nameOf(method) ?? this.methods.nameOf(method)
  }

  status(): ClientStatus {
    return native().clientStatus(this.id, this.addresses)
  }
}
