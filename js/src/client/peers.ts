import type { AnyRemote } from '../call_context'
import { sides } from '../references/sides'
import { clients, native } from '../runtime'
import type { DecodeOptions } from '../values'
import { Client } from './client'
import { clientAt } from './lifetime'
import { makeRemote, remoteOf } from './remote'

/** Of each connection that this side has accepted, and over which it calls, its client. It ends with the connection. */
const peers = new Map<number, Client>()

/** The client that calls the other side of a connection, whoever has dialled; undefined when that has ended. */
export function clientOver(connection: number, decoding: DecodeOptions | undefined): Client | undefined {
  const known = peers.get(connection)
  if (known !== undefined) return known
  const id = native().peerClient(connection)
  if (id < 0) return undefined
  if (clients.has(id)) return clientAt(id) as Client | undefined
  return adopt(connection, id, decoding)
}

function adopt(connection: number, id: number, decoding: DecodeOptions | undefined): Client {
  const peer = native().peer(connection)
  const name = peer?.name || `process ${peer?.pid ?? 'unknown'}`
  const client = new Client({
    addresses: [name],
    id,
    decoding,
    state: 'ready',
    onClosed: () => {
      peers.delete(connection)
      clients.delete(id)
    },
  })
  peers.set(connection, client)
  clients.set(id, client)
  return client
}

/** What calls the methods that the other side of a connection offers; the same for as long as the connection lives. */
export function remoteOver(connection: number, decoding: DecodeOptions | undefined): AnyRemote | undefined {
  const client = clientOver(connection, decoding)
  if (client === undefined) return undefined
  const known = remoteOf(client)
  if (known !== undefined) return known as AnyRemote
  const remote = makeRemote(client)
  client.tellMethods()
  return remote as AnyRemote
}

sides.passerOver = clientOver
sides.remoteOver = remoteOver
