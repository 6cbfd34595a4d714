import { types } from 'node:util'
import { isIpcError } from '../errors'
import { log } from '../log'
import type { HandlerErrorInfo } from '../options'
import { shownError } from '../printed'
import { registeredName } from '../registered'
import { type InboundCall, isAbort } from './context'

type OnError = (error: unknown, info: HandlerErrorInfo) => unknown
type MapError = OnError

/** Tells of what handlers throw on the side that serves. */
export class HandlerErrors {
  constructor(
    private readonly service: string,
    private readonly onError: OnError = logError,
    private readonly mapError: MapError | undefined = undefined,
    /** Whether stacks, attributes, causes and the errors of groups travel. */
    readonly expose = true,
  ) {}

  /** What to tell in place of what a handler has thrown. */
  mapped(method: string, error: unknown): unknown {
    if (this.mapError === undefined) return error
    const { service } = this
    try {
      return this.mapError(error, { service, method }) ?? error
    } catch (second) {
      logError(second, { service, method: `${method} (in mapError)` })
      return error
    }
  }

  /** Whether somebody has to be told here: what a handler means to throw its caller hears of, if there is one. */
  concern(call: InboundCall, error: unknown): boolean {
    if (isAbort(call, error)) return false
    return call.isNotification || !isMeant(error)
  }

  /** To be called when the caller has been answered: to log may take long, or for ever. */
  report(method: string, error: unknown): void {
    const { service } = this
    const logSecond = (second: unknown) => logError(second, { service, method: `${method} (in onError)` })
    try {
      const told: unknown = this.onError(error, { service, method })
      if (isThenable(told)) Promise.resolve(told).catch(logSecond)
    } catch (second) {
      logSecond(second)
    }
  }
}

/** An IpcError, or one of a registered class: a caller's business. Where another service has sent it, that one logs it. */
function isMeant(error: unknown): boolean {
  return isIpcError(error) || registeredName(error) !== undefined
}

/** Throws what a getter throws. A Proxy that cannot be read cannot be sent either, which will say why. */
export function isThenable(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  try {
    return typeof (value as { then?: unknown }).then === 'function'
  } catch (error) {
    if (types.isProxy(value)) return false
    throw error
  }
}

function logError(error: unknown, { service, method }: HandlerErrorInfo): void {
  log(`ipcbridge: ${service}: ${method} failed:`, () => shownError(error))
}
