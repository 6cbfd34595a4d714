import { RemoteError, withSent } from './errors'
import { Column } from './native'
import { failure, messageIn, native, table } from './runtime'
import { decodeError } from './values'

/** The error that an event tells of by which a call or a stream has ended. */
export function errorOf(event: number, bytes: Buffer): Error {
  const ending = table[event + Column.ending]
  const { remoteError, maybeRun } = native().numbers.ending
  const error = failure(table[event + Column.code] as number, messageIn(event))
  if (ending === remoteError) {
    const start = table[event + Column.payloadStart] as number
    const end = table[event + Column.payloadEnd] as number
    return end > start ? decodeError(bytes, start, end) : new RemoteError(error.code, error.message)
  }
  return withSent(error, ending === maybeRun ? 'maybe' : 'no')
}
