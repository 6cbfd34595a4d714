import { isError } from '../brand'
import { isIpcError, isRemoteError } from '../errors'

/** What of an error travels under a name of its own, or is made anew where it arrives. */
const ofErrors = ['name', 'message', 'stack', 'cause', 'errors']
const ofIpcErrors = [...ofErrors, 'code', 'details', 'sent']
const ofRemoteErrors = [...ofIpcErrors, 'type', 'remoteStack', 'attributes']

/** What else an error carries: its own enumerable properties. Throws what a Proxy throws. */
export function attributesOf(thrown: unknown): [name: string, read: () => unknown][] {
  if (!isError(thrown)) return []
  const owner = thrown as unknown as Record<string, unknown>
  const skipped = isRemoteError(thrown) ? ofRemoteErrors : isIpcError(thrown) ? ofIpcErrors : ofErrors
  const found = new Map<string, () => unknown>()
  if (isRemoteError(thrown))
    for (const [name, value] of Object.entries(thrown.attributes ?? {})) found.set(name, () => value)
  for (const name of Object.keys(owner)) if (!skipped.includes(name)) found.set(name, () => owner[name])
  return [...found]
}
