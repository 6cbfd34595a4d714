import { RemoteError, withSent } from './errors'
import { Column } from './native'
import { failure, messageIn, native, table } from './runtime'
import { decodeError } from './values'

/** The error that an event tells of by which a call or a stream has ended. `streamOf`: the method whose result the stream is. */
export function errorOf(event: number, bytes: Buffer, streamOf?: string): Error {
  const ending = table[event + Column.ending]
  const { remoteError, maybeRun } = native().numbers.ending
  const message = messageIn(event)
  const code = table[event + Column.code] as number
  if (ending === remoteError) {
    const start = table[event + Column.payloadStart] as number
    const end = table[event + Column.payloadEnd] as number
    return end > start ? decodeError(bytes, start, end) : new RemoteError(failure(code, '').code, message)
  }
  const said = streamOf === undefined ? message : `${streamOf}(): its stream broke off: ${message}`
  return withSent(failure(code, said), ending === maybeRun ? 'maybe' : 'no')
}
