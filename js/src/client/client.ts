import { isAbortSignal } from '../brand'
import { captureStack, IpcError } from '../errors'
import { CallFlag } from '../native'
import {
  type CallOptions,
  type ConnectOptions,
  checkKeys,
  count,
  decodingOf,
  endpointOptions,
  milliseconds,
  oneOf,
} from '../options'
import {
  checkHandle,
  clients,
  encoder,
  keepAlive,
  lastFailure,
  letGo,
  native,
  neverSpin,
  notSent,
  type Owner,
  shareEncoded,
  shareEncodedWith,
} from '../runtime'
import { StateTracker } from '../state'
import type { ClientState, ClientStatus } from '../status'
import { type DecodeOptions, Encoder, isPlainObject } from '../values'
import { whenAborted } from './abort'
import { type Call, failLater, makeCall, rejectedCall } from './call'
import { cancelSlot, dropSlot, type Slot, takeSlot } from './pending'

const states = ['connecting', 'ready', 'reconnecting', 'disconnected', 'closed'] as const

/** What withOptions has set, ready to be sent. */
export interface Settings {
  flags: number
  timeout: number
  signal: AbortSignal | undefined
  metadata: Uint8Array | undefined
}

const noSettings: Settings = { flags: 0, timeout: Number.POSITIVE_INFINITY, signal: undefined, metadata: undefined }
const nothing = new Uint8Array(0)

/** The caller's end of a service. */
export class Client implements Owner {
  readonly state = new StateTracker<ClientState>('connecting', states)
  readonly decoding: DecodeOptions | undefined
  /** Told whenever the service may offer other methods than before. */
  onMethods: (names: string[]) => void = () => {}
  private readonly id: number
  private readonly numbers = new Map<string, number>()

  constructor(
    readonly addresses: readonly string[],
    options: ConnectOptions,
  ) {
    this.decoding = decodingOf(options)
    const nativeOptions = {
      addresses: [...addresses],
      connectTimeout: milliseconds('connectTimeout', options.connectTimeout, 10_000),
      maxQueuedBytes: count('maxQueuedBytes', options.maxQueuedBytes, 256 * 1024 * 1024),
      ...endpointOptions(options),
    }
    if (options.spin === false) neverSpin()
    this.id = checkHandle(native().connect(nativeOptions))
    clients.set(this.id, this)
  }

  onState(state: number, code: number, message: string): void {
    if (states[state] === 'ready') this.onMethods(native().methods(this.id))
    if (states[state] === 'closed') clients.delete(this.id)
    if (states[state] !== this.state.current) this.state.change(state, code, message)
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
    const reason = notSent(this.state.reason as IpcError)
    captureStack(reason, this.ready)
    throw reason
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
      this.numbers.set(name, number)
    }
    return number
  }

  /** Calls whatever name a user gave; what the service does not offer is not kept. */
  callNamed(name: string, args: readonly unknown[], settings: Settings | undefined): Call<unknown> {
    let method = this.numbers.get(name)
    if (method === undefined) {
      method = native().findMethod(this.id, name)
      if (method < 0) return rejectedCall(lastFailure(-method))
      if (this.state.current !== 'closed') this.numbers.set(name, method)
    }
    return this.call(method, args, settings)
  }

  call(method: number, args: readonly unknown[], settings: Settings | undefined): Call<unknown> {
    let length: number
    try {
      length = encoder.encodeArgs(args)
      if (settings?.signal?.aborted) throw aborted(settings.signal)
    } catch (error) {
      return rejectedCall(error)
    }
    const slot = takeSlot(this.decoding)
    const call = makeCall(slot)
    let failed: number | undefined
    if (settings === undefined) {
      shareEncoded()
      failed = native().call(this.id, slot.token, method, length)
    } else {
      failed = this.callWith(slot.token, method, length, settings)
      if (failed === undefined && settings.signal !== undefined) this.watch(slot, settings.signal)
    }
    if (failed !== undefined) {
      const { reject } = slot
      dropSlot(slot)
      reject?.(lastFailure(failed))
    }
    return call
  }

  /** Throws what can be known here; what happens later nobody hears of. */
  notify(method: number, args: readonly unknown[], settings: Settings | undefined): void {
    if (settings?.signal?.aborted) throw aborted(settings.signal)
    const length = encoder.encodeArgs(args)
    const { flags, timeout, metadata } = settings ?? noSettings
    const failed = this.callWith(0, method, length, {
      flags: flags | CallFlag.notify,
      timeout,
      metadata,
      signal: undefined,
    })
    if (failed !== undefined) throw lastFailure(failed)
  }

  private callWith(token: number, method: number, length: number, settings: Settings): number | undefined {
    const metadata = settings.metadata ?? nothing
    shareEncodedWith(length, metadata)
    return native().callWith(this.id, token, method, length, metadata.length, settings.flags, settings.timeout)
  }

  private watch(slot: Slot, signal: AbortSignal): void {
    slot.whenSettled = whenAborted(signal, () => {
      const { resolve } = slot
      native().cancel(this.id, slot.token)
      cancelSlot(slot)
      resolve?.(failLater(aborted(signal)))
    })
  }

  status(): ClientStatus {
    return native().clientStatus(this.id, this.addresses)
  }
}

function aborted(signal: AbortSignal): IpcError {
  return new IpcError('cancelled', 'the call was aborted', undefined, { cause: signal.reason })
}

const metadataEncoder = new Encoder()

/** Checks call options and adds them to those that are set already. */
export function makeSettings(base: Settings | undefined, options: CallOptions): Settings {
  checkKeys('withOptions', options, ['timeout', 'signal', 'metadata', 'idempotent', 'waitForReady'])
  const settings = { ...(base ?? noSettings) }
  settings.timeout = milliseconds('timeout', options.timeout, settings.timeout)
  const { signal, metadata } = options
  if (signal !== undefined) {
    if (!isAbortSignal(signal)) throw new IpcError('invalid_argument', 'signal is an AbortSignal')
    settings.signal = signal
  }
  if (metadata !== undefined) {
    if (!isPlainObject(metadata)) throw new IpcError('invalid_argument', 'metadata is a plain object')
    const length = metadataEncoder.encodeResult(metadata, 'metadata')
    settings.metadata = Uint8Array.prototype.slice.call(metadataEncoder.buffer, 0, length)
  }
  const flag = (name: 'idempotent' | 'waitForReady', bit: number, setWhen: boolean) => {
    const value = options[name]
    if (value === undefined) return
    oneOf(name, value, [true, false], value)
    settings.flags = value === setWhen ? settings.flags | bit : settings.flags & ~bit
  }
  flag('idempotent', CallFlag.idempotent, true)
  flag('waitForReady', CallFlag.doNotWait, false)
  return settings
}
