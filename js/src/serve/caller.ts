import { IpcError } from '../errors'
import { type AnyRemote, sides } from '../references/sides'
import { native, servers } from '../runtime'

/** Who has made a call. */
export interface Peer {
  /** As the kernel says; null where it does not: in another PID namespace, or when the connection has ended. */
  readonly pid: number | null
  readonly uid: number | null
  /** The `name` that the other side gave to `connect`; '' without. */
  readonly name: string
  /** '' when it is not known. */
  readonly language: '' | 'c++' | 'javascript' | 'python'
  /**
   * What the other side offers to be called, as `connect` returns a service; the same for as long as the connection lives. Not
   * enumerable. Throws 'unavailable' when the connection has ended.
   */
  readonly remote: AnyRemote
}

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
