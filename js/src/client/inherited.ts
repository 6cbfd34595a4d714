import type { CurrentCall } from '../current_call'
import { IpcError, withSent } from '../errors'
import { noSettings, type Settings } from './settings'

/**
 * The settings of a call that is made on behalf of another: its deadline is the sooner one, its metadata have those of the
 * other that are passed on.
 *
 * Throws 'deadline_exceeded' when the other's deadline has passed, 'invalid_argument' when the metadata become too much.
 */
export function inherit(settings: Settings | undefined, served: CurrentCall, method: string): Settings | undefined {
  const { deadline, inherited } = served
  if (deadline === Number.POSITIVE_INFINITY && inherited === undefined) return settings
  const own = settings ?? noSettings
  const { metadata } = own
  return {
    ...own,
    timeout: Math.min(own.timeout, timeLeft(deadline, method)),
    metadata: metadata === undefined || inherited === undefined ? (metadata ?? inherited) : metadata.over(inherited),
  }
}

function timeLeft(deadline: number, method: string): number {
  if (deadline === Number.POSITIVE_INFINITY) return deadline
  const left = deadline - performance.now()
  if (left > 0) return left
  const message = `${method}() was not sent: the deadline of the call that its handler serves has passed`
  throw withSent(new IpcError('deadline_exceeded', message), 'no')
}
