import { isAbortSignal } from '../brand'
import { currentCall } from '../current_call'
import { IpcError } from '../errors'
import { encodeMetadata, type Metadata, mark } from '../metadata'
import { type CallOptions, checkKeys, isList, milliseconds, oneOf } from '../options'
import { native } from '../runtime'
import { show } from '../shown'

/** What withOptions has set, ready to be sent. */
export interface Settings {
  flags: number
  timeout: number
  /** Between the items of a stream. */
  idleTimeout: number
  /** For how long a thread waits, blocked, where `timeout` is not set. */
  blocked: number
  signal: AbortSignal | undefined
  metadata: Metadata | undefined
}

/** Whether something of it ends streams. */
export function limitsStreams({ timeout, idleTimeout, signal }: Settings): boolean {
  return signal !== undefined || Math.min(timeout, idleTimeout) < Number.POSITIVE_INFINITY
}

export const noSettings: Readonly<Settings> = {
  flags: 0,
  timeout: Number.POSITIVE_INFINITY,
  idleTimeout: Number.POSITIVE_INFINITY,
  blocked: Number.POSITIVE_INFINITY,
  signal: undefined,
  metadata: undefined,
}

const callKeys = ['timeout', 'idleTimeout', 'signal', 'metadata', 'passOn', 'idempotent', 'waitForReady']

/** Checks call options and adds them to those that are set already. */
export function makeSettings(base: Settings | undefined, options: CallOptions): Settings {
  checkKeys('withOptions', options, callKeys)
  const settings = { ...(base ?? noSettings) }
  settings.timeout = milliseconds('timeout', options.timeout, settings.timeout)
  settings.idleTimeout = milliseconds('idleTimeout', options.idleTimeout, settings.idleTimeout)
  if (options.timeout !== undefined) settings.blocked = Number.POSITIVE_INFINITY
  const { signal } = options
  if (signal !== undefined) {
    if (!isAbortSignal(signal)) throw new IpcError('invalid_argument', 'signal is an AbortSignal')
    settings.signal = signal
  }
  settings.metadata = metadataOf(options, settings.metadata)
  const flag = (name: 'idempotent' | 'waitForReady', bit: number, setWhen: boolean) => {
    const value = options[name]
    if (value === undefined) return
    oneOf(name, value, [true, false], value)
    settings.flags = value === setWhen ? settings.flags | bit : settings.flags & ~bit
  }
  const { idempotent, failFast } = native().numbers.callFlag
  flag('idempotent', idempotent, true)
  flag('waitForReady', failFast, false)
  return settings
}

function metadataOf({ metadata, passOn }: CallOptions, base: Metadata | undefined): Metadata | undefined {
  if (passOn === undefined) return metadata === undefined ? base : encodeMetadata(metadata)
  if (!isList(passOn) || !passOn.every(name => typeof name === 'string')) {
    throw new IpcError('invalid_argument', `passOn is an array of names of metadata; got ${show(passOn)}`)
  }
  const received = currentCall()?.metadata
  if (metadata === undefined && base !== undefined) return mark(base, passOn, received)
  return encodeMetadata(metadata ?? {}, passOn, received)
}
