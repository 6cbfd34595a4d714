import { Client } from './client/client'
import { IpcError } from './errors'
import type { ConnectOptions } from './options'
import { Service } from './serve/service'
import { show } from './shown'

const longestName = 255

/** A client that begins to connect, and what it offers to the other side. */
export function offerAndConnect(addresses: readonly string[], options: ConnectOptions): Client {
  const name = nameOf(options)
  if (options.serve === undefined) return Client.connect(addresses, options, { name })
  const { int64 } = options
  const service = new Service(name || 'a client', options.serve, int64 === undefined ? {} : { int64 }, true)
  const close = () => void service.close({ grace: 0 })
  try {
    return Client.connect(addresses, options, { server: service.id, name, onClosed: close })
  } catch (error) {
    close()
    throw error
  }
}

function nameOf({ name = '' }: ConnectOptions): string {
  if (typeof name === 'string' && Buffer.byteLength(name) <= longestName) return name
  throw new IpcError('invalid_argument', `name is a string of at most ${longestName} bytes; got ${show(name)}`)
}
