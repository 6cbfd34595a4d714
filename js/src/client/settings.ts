import { isAbortSignal } from '../brand'
import { IpcError } from '../errors'
import { type CallOptions, checkKeys, milliseconds, oneOf } from '../options'
import { native } from '../runtime'
import { Encoder, isPlainObject } from '../values'

/** What withOptions has set, ready to be sent. */
export interface Settings {
  flags: number
  timeout: number
  /** Between the items of a stream. */
  idleTimeout: number
  signal: AbortSignal | undefined
  metadata: Uint8Array | undefined
}

/** Whether something of it ends streams. */
export function limitsStreams({ timeout, idleTimeout, signal }: Settings): boolean {
  return signal !== undefined || Math.min(timeout, idleTimeout) < Number.POSITIVE_INFINITY
}

export const noSettings: Readonly<Settings> = {
  flags: 0,
  timeout: Number.POSITIVE_INFINITY,
  idleTimeout: Number.POSITIVE_INFINITY,
  signal: undefined,
  metadata: undefined,
}

/** Checks call options and adds them to those that are set already. */
export function makeSettings(base: Settings | undefined, options: CallOptions): Settings {
  checkKeys('withOptions', options, ['timeout', 'idleTimeout', 'signal', 'metadata', 'idempotent', 'waitForReady'])
  const settings = { ...(base ?? noSettings) }
  settings.timeout = milliseconds('timeout', options.timeout, settings.timeout)
  settings.idleTimeout = milliseconds('idleTimeout', options.idleTimeout, settings.idleTimeout)
  const { signal, metadata } = options
  if (signal !== undefined) {
    if (!isAbortSignal(signal)) throw new IpcError('invalid_argument', 'signal is an AbortSignal')
    settings.signal = signal
  }
  if (metadata !== undefined) settings.metadata = encodeMetadata(metadata)
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

const encoder = new Encoder({ reason: 'a stream, which no metadata can carry', isLater: false })

function encodeMetadata(metadata: unknown): Uint8Array {
  if (!isPlainObject(metadata)) throw new IpcError('invalid_argument', 'metadata is a plain object')
  const length = encoder.encodeResult(metadata, 'metadata')
  return Uint8Array.prototype.slice.call(encoder.buffer, 0, length)
}
