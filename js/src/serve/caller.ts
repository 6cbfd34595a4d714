import type { Peer } from '../call_context'
import { IpcError } from '../errors'
import { sides } from '../references/sides'
import { native, servers } from '../runtime'

/** Who is at the other end of a connection that has brought a call for the server. */
export function callerOver(connection: number, server: number): Peer {
  const { pid = null, uid = null, name = '', language = '' } = native().peer(connection) ?? {}
  const remote = () => {
    const found = sides.remoteOver(connection, servers.get(server)?.decoding)
    if (found === undefined) throw new IpcError('unavailable', 'the caller is gone: its connection has ended')
    return found
  }
  return Object.defineProperty({ pid, uid, name, language }, 'remote', { get: remote }) as unknown as Peer
}
