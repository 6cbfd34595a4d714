/// <reference lib="esnext.disposable" preserve="true" />
import type { Remote } from '../client/remote_types'
import { close, connect, serve } from '../index'
import type { ConnectOptions, ServeOptions } from '../options'
import type { Server } from '../serve/server'
import { disposable } from './disposable'
import { uniqueName } from './names'

/** What `serve` and `connect` are to be given. */
export interface PairOptions {
  serve?: ServeOptions
  connect?: ConnectOptions
}

/** A service and a client that is connected to it. */
export interface Pair<T extends object> extends AsyncDisposable {
  readonly server: Server
  readonly client: Remote<T> & AsyncDisposable
  /** Closes both; what still runs is cancelled. Does nothing when they are closed already. */
  close(): Promise<void>
}

/**
 * Serves `target` under a name that nobody else has, and connects to it; both stay in this process. What is called passes
 * through everything but the operating system: the codec and the protocol. The process stays alive until the pair is closed,
 * by `close` or `await using`. Rejects as `serve` and `connect` do.
 */
export async function pair<T extends object>(target: T, options: PairOptions = {}): Promise<Pair<T>> {
  const server = await serve(`inproc://${uniqueName()}`, target, options.serve)
  try {
    const client = await connect<T>(server.address, options.connect)
    const closeBoth = async () => {
      await close(client)
      await server.close({ grace: 0 })
    }
    return disposable({ server, client, close: closeBoth })
  } catch (error) {
    await server.close({ grace: 0 })
    throw error
  }
}
