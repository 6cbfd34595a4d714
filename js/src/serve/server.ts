/// <reference lib="esnext.disposable" preserve="true" />
import { inspect } from 'node:util'
import { endpointMark, markInstances, serverMark } from '../brand'
import type { AnyRemote } from '../call_context'
import type { CloseOptions } from '../options'
import type { ServerStatus } from '../status'
import type { Service } from './service'

/** A service that is being served; made by `serve`. */
export class Server implements AsyncDisposable {
  readonly #service: Service
  /** For `await using`: closes the server, where the runtime knows of it. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>

  constructor(service: Service) {
    this.#service = service
    services.set(this, service)
    const { asyncDispose } = Symbol as { asyncDispose?: symbol }
    if (asyncDispose !== undefined) Object.defineProperty(this, asyncDispose, { value: () => this.close() })
  }

  /** As it was given to `serve`. */
  get address(): string {
    return this.#service.address
  }

  /**
   * Those who are connected, the oldest first: of each what it offers to be called (`connect(name, { serve })`), as `connect`
   * returns a service. Each is the same for as long as its connection lives; `close` disconnects it.
   */
  get peers(): readonly AnyRemote[] {
    return this.#service.peers()
  }

  /** How the service is doing now; also after it was closed. */
  status(): ServerStatus {
    return this.#service.status()
  }

  /**
   * Accepts no more calls, lets those that have begun finish for up to `grace` ms (default 10000, null: for ever), then
   * cancels them. Resolves when it is over; at once when it is over already; in the synchronous part of one of its own
   * handlers, when the other handlers are done. Never rejects but for a wrong option.
   */
  close(options: CloseOptions = {}): Promise<void> {
    return this.#service.close(options)
  }

  /** Lets the process end while the server is open, if nothing else keeps it alive; returns the server. */
  unref(): this {
    this.#service.keepProcess(false)
    return this
  }

  /** Has the server keep the process alive again, as it does from the beginning; returns the server. */
  ref(): this {
    this.#service.keepProcess(true)
    return this
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    const { address, state } = this.#service
    return `[Server ${address}${state.current === 'closed' ? ' (closed)' : ''}]`
  }
}

markInstances(Server, endpointMark)
markInstances(Server, serverMark)

const services = new WeakMap<object, Service>()

export function serviceIfAny(server: unknown): Service | undefined {
  return typeof server === 'object' && server !== null ? services.get(server) : undefined
}
