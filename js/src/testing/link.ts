/// <reference lib="esnext.disposable" preserve="true" />
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMarked, serverMark } from '../brand'
import { IpcError, trimmed } from '../errors'
import { milliseconds } from '../options'
import { lastFailure, native, passEnvironment } from '../runtime'
import type { Server } from '../serve/server'
import { disposable } from './disposable'
import { Relay } from './relay'

/**
 * A way to a service, which clients take that connect to `address`. What clients and service say passes as it is, over the
 * socket: there is no shared memory through a link, and the service sees the process of the link as its peer.
 */
export interface Link extends AsyncDisposable {
  /** What to connect to. */
  readonly address: string
  /** How many connections there are through it now. */
  readonly connections: number
  /** From now on what either side sends takes so long, in ms; 0 ends that. */
  delay(ms: number): void
  /** Nothing passes until `resume`, as with a peer that is stopped: it takes new connections, and says nothing. */
  pause(): void
  /** What has waited passes, and all that follows. */
  resume(): void
  /** Ends the connections, with what is on its way in them. Clients connect anew at once. */
  drop(): Promise<void>
  /**
   * As the death of the service's process: the connections end, and there is nobody to connect to until `restart`. To the
   * service it is the death of its clients.
   */
  kill(): Promise<void>
  /** Takes connections again after `kill`. */
  restart(): Promise<void>
  /** Ends the connections and the link. Does nothing when it is closed already. */
  close(): Promise<void>
}

/**
 * A link in front of a service: its address, or what `serve` returned; it need not be served yet. It carries bytes on the
 * event loop of this thread, and does not keep the process alive.
 *
 * Rejects with 'invalid_argument' for an `inproc://` address, which has no socket that could fail.
 */
export async function link(service: string | Server): Promise<Link> {
  const target = trimmed(() => targetOf(service))
  const folder = mkdtempSync(join(tmpdir(), 'ipcb-'))
  const path = join(folder, 'link.sock')
  const relay = new Relay(path, target)
  let isOpen = true
  const pace = (change: Partial<Pick<Relay, 'delay' | 'isPaused'>>) => {
    Object.assign(relay, change)
    relay.go()
  }
  const close = async () => {
    isOpen = false
    await relay.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await relay.listen()
  } catch (error) {
    await close()
    throw error
  }
  return disposable({
    address: `unix://${path}`,
    get connections() {
      return relay.connectionCount
    },
    delay: ms => pace({ delay: trimmed(() => delayOf(ms)) }),
    pause: () => pace({ isPaused: true }),
    resume: () => pace({ isPaused: false }),
    drop: () => relay.drop(),
    kill: () => relay.stop(),
    restart: async () => {
      if (isOpen) await relay.listen()
    },
    close,
  } satisfies Omit<Link, keyof AsyncDisposable>)
}

function targetOf(service: unknown): string {
  const address = isMarked(service, serverMark) ? (service as Server).address : service
  if (typeof address !== 'string') {
    throw new IpcError('invalid_argument', 'link() takes the address of a service, or what serve() returned')
  }
  passEnvironment()
  const path = native().socketPath(address)
  if (typeof path === 'number') throw lastFailure(-path)
  if (address.startsWith('inproc:')) {
    throw new IpcError('invalid_argument', 'an inproc:// service has no socket: serve a name, or a unix:// address')
  }
  return path
}

function delayOf(ms: number): number {
  const delay = milliseconds('a delay', ms, 0)
  if (delay !== Number.POSITIVE_INFINITY) return delay
  throw new IpcError('invalid_argument', 'a delay ends: pause() keeps messages until resume()')
}
