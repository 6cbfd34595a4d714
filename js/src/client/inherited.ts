import type { CurrentCall } from '../current_call'
import { IpcError, withSent } from '../errors'
import { native } from '../runtime'
import { noSettings, type Settings } from './settings'

/**
 * The settings of a call that is made on behalf of another: its deadline is the sooner one, its metadata have those of the
 * other that are passed on, and tell how many calls wait for it.
 *
 * Throws 'deadline_exceeded' when the other's deadline has passed, 'resource_exhausted' when too many calls wait,
 * 'invalid_argument' when the metadata become too much.
 */
export function inherit(
  settings: Settings | undefined,
  served: CurrentCall,
  method: string,
  isNotification = false,
): Settings | undefined {
  const { deadline } = served
  const depth = served.depthFor(isNotification)
  if (depth >= native().numbers.maxNestedCalls) throw tooDeep(method)
  const inherited = served.carriedOn(depth)
  if (deadline === Number.POSITIVE_INFINITY && inherited === undefined) return settings
  const own = settings ?? noSettings
  const { metadata } = own
  return {
    ...own,
    timeout: Math.min(own.timeout, timeLeft(deadline, method)),
    metadata: metadata === undefined || inherited === undefined ? (metadata ?? inherited) : metadata.over(inherited),
  }
}

function tooDeep(method: string): IpcError {
  const { maxNestedCalls } = native().numbers
  const message =
    `${method}() was not sent: ${maxNestedCalls} calls wait for one another already, each made by the handler of the one ` +
    'before, and more may not: look for a recursion without end'
  return new IpcError('resource_exhausted', message)
}

function timeLeft(deadline: number, method: string): number {
  if (deadline === Number.POSITIVE_INFINITY) return deadline
  const left = deadline - performance.now()
  if (left > 0) return left
  const message = `${method}() was not sent: the deadline of the call that its handler serves has passed`
  throw withSent(new IpcError('deadline_exceeded', message), 'no')
}
