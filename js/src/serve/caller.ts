import type { Peer } from '../call_context'
import { IpcError } from '../errors'
import { sides } from '../references/sides'
import { native, servers } from '../runtime'

/** Who is at the other end of a connection that has brought a call for the server. */
export function callerOver(connection: number, server: number): Peer {
  const known = native().peer(connection)
  const { pid = null, uid = null } = known ?? {}
  const remote = () => {
    const found = sides.remoteOver(connection, servers.get(server)?.decoding)
    if (found === undefined) throw new IpcError('unavailable', 'the caller is gone: its connection has ended')
    return found
  }
  const caller = { pid, uid, name: known?.name || null, language: known?.language || null }
  return Object.defineProperty(caller, 'remote', { get: remote }) as unknown as Peer
}
