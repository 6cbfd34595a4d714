import { captureStack, failLater, type IpcError, trimStack, withSent } from '../errors'
import { log } from '../log'
import { dropped } from '../native'
import { type ConnectOptions, count, decodingOf, endpointOptions, milliseconds } from '../options'
import {
  checkHandle,
  encoder,
  keepAlive,
  lastFailure,
  letGo,
  native,
  neverSpin,
  type Owner,
  shareEncoded,
  shareEncodedWith,
} from '../runtime'
import { StateTracker } from '../state'
import type { ClientState, ClientStatus } from '../status'
import type { DecodeOptions } from '../values'
import { abortError, whenAborted } from './abort'
import { ArgumentStreams } from './argument_streams'
import { type Call, makeCall, rejectedCall } from './call'
import { keepClient, registerClient, unregisterClient } from './lifetime'
import { cancelSlot, dropSlot, type Slot, takeSlot } from './pending'
import { limitsStreams, noSettings, type Settings } from './settings'
import { StreamLimits } from './stream_limits'

export const clientStates = ['connecting', 'ready', 'reconnecting', 'disconnected', 'closed'] as const

/** Milliseconds between two lines about dropped notifications. */
const logInterval = 1000

/** The caller's end of a service. */
export class Client implements Owner {
  readonly state = new StateTracker<ClientState>('connecting', clientStates, isListened =>
    keepClient(this, isListened && this.state.current !== 'closed'),
  )
  readonly decoding: DecodeOptions | undefined
  /** Told whenever the service may offer other methods than before. */
  onMethods: (names: string[]) => void = () => {}
  private readonly id: number
  private readonly numbers = new Map<string, number>()
  /** The methods by their numbers. */
  private readonly names: string[] = []
  private dropsNotLogged = 0
  private nextLog = 0

  constructor(
    readonly addresses: readonly string[],
    options: ConnectOptions,
  ) {
    this.decoding = decodingOf(options)
    const nativeOptions = {
      addresses: [...addresses],
      connectTimeout: milliseconds('connectTimeout', options.connectTimeout, undefined),
      maxQueuedBytes: count('maxQueuedBytes', options.maxQueuedBytes),
      ...endpointOptions(options, native().numbers.leastLimitBytes),
    }
    if (options.spin === false) neverSpin()
    this.id = checkHandle(native().connect(nativeOptions))
    registerClient(this, this.id)
  }

  onState(state: number, code: number, message: string): void {
    if (clientStates[state] === 'ready') this.onMethods(native().methods(this.id))
    if (clientStates[state] !== this.state.current) this.state.change(state, code, message)
    if (clientStates[state] === 'closed') unregisterClient(this, this.id)
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
    let number = this.numbers.get(name)
    if (number === undefined) {
      number = native().internMethod(this.id, name)
      this.learn(name, number)
    }
    return number
  }

  private learn(name: string, number: number): void {
    this.numbers.set(name, number)
    this.names[number] = name
  }

  /** Calls whatever name a user gave; what the service does not offer is not kept. */
  callNamed(name: string, args: readonly unknown[], settings: Settings | undefined): Call<unknown> {
    let method = this.numbers.get(name)
    if (method === undefined) {
      method = native().findMethod(this.id, name)
      if (method < 0) return rejectedCall(lastFailure(-method))
      if (this.state.current !== 'closed') this.learn(name, method)
    }
    return this.call(method, args, settings)
  }

  call(method: number, args: readonly unknown[], settings: Settings | undefined): Call<unknown> {
    try {
      // Before the arguments are encoded: of another realm's signal this may run code that makes calls.
      if (settings?.signal?.aborted) throw abortError(this.nameOf(method), settings.signal, 'no')
    } catch (error) {
      return rejectedCall(error)
    }
    let length: number
    try {
      length = write(args, settings?.metadata)
    } catch (error) {
      this.argumentStreams(method)?.discard()
      return rejectedCall(error)
    }
    const slot = takeSlot(this)
    const call = makeCall(slot)
    slot.streams = this.argumentStreams(method)
    let failed: number | undefined
    if (settings === undefined && slot.streams === undefined) {
      failed = native().call(this.id, slot.token, method, length)
    } else {
      failed = this.callWith(slot, method, length, settings ?? noSettings)
    }
    if (failed !== undefined) {
      const { reject } = slot
      dropSlot(slot)
      reject?.(trimStack(lastFailure(failed)))
    }
    return call
  }

  /** What is streamed of the arguments that were encoded last. */
  private argumentStreams(method: number): ArgumentStreams | undefined {
    const { streams } = encoder
    return streams.length === 0 ? undefined : new ArgumentStreams(streams, this.nameOf(method))
  }

  private callWith(slot: Slot, method: number, length: number, settings: Settings): number | undefined {
    const { signal } = settings
    if (limitsStreams(settings)) {
      slot.limits = new StreamLimits(this.nameOf(method), settings)
    }
    const failed = this.send(slot.token, method, length, settings, encoder.streams.length)
    if (failed === undefined && signal !== undefined) this.watch(slot, method, signal)
    return failed
  }

  /** Returns whether the queue had room for it, or somebody was there. Throws what is wrong with the call itself. */
  notify(method: number, args: readonly unknown[], settings: Settings | undefined): boolean {
    if (settings?.signal?.aborted) throw abortError(this.nameOf(method), settings.signal, 'no')
    const given = settings ?? noSettings
    let length: number
    let streams: number
    try {
      length = write(args, given.metadata)
    } finally {
      streams = encoder.streams.length
      this.argumentStreams(method)?.discard() // nobody would read them
    }
    const flags = given.flags | native().numbers.callFlag.notify
    const failed = this.send(0, method, length, { ...given, flags }, streams)
    if (failed === undefined) return true
    if (failed !== dropped) throw lastFailure(failed)
    this.logDrop()
    return false
  }

  private logDrop(): void {
    this.dropsNotLogged++
    const now = performance.now()
    if (now < this.nextLog) return
    this.nextLog = now + logInterval
    const what = this.dropsNotLogged === 1 ? 'a notification was' : `${this.dropsNotLogged} notifications were`
    this.dropsNotLogged = 0
    log(
      `ipcbridge: ${this.addresses.join(', ')}: ${what} dropped: the queue of calls is full, or there is no connection`,
    )
  }

  private send(token: number, method: number, length: number, settings: Settings, streams: number): number | undefined {
    const { metadata, flags, timeout } = settings
    return native().callWith(this.id, token, method, length, metadata?.length ?? 0, flags, timeout, streams)
  }

  private watch(slot: Slot, method: number, signal: AbortSignal): void {
    const abort = () => {
      const { resolve } = slot
      native().cancel(this.id, slot.token)
      cancelSlot(slot)
      resolve?.(failLater(abortError(this.nameOf(method), signal, 'maybe')))
    }
    slot.whenSettled = whenAborted(signal, abort)
    if (signal.aborted) abort() // by what ran while the arguments were read
  }

  private nameOf(method: number): string {
    return this.names[method] as string
  }

  status(): ClientStatus {
    return native().clientStatus(this.id, this.addresses)
  }
}

/** Writes a call to where the native side sends it from; how many bytes the arguments take. */
function write(args: readonly unknown[], metadata: Uint8Array | undefined): number {
  const length = encoder.encodeArgs(args)
  if (metadata === undefined) shareEncoded()
  else shareEncodedWith(length, metadata)
  return length
}
