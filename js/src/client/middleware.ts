import { types } from 'node:util'
import { isMarked } from '../brand'
import { type CurrentCall, currentCall, enter } from '../current_call'
import { IpcError, trimStack } from '../errors'
import { log } from '../log'
import { encodeMetadata, type Metadata } from '../metadata'
import { compose, type Middleware, PassingCall, type Run } from '../middleware'
import { shownError } from '../printed'
import { retainItems } from '../streams/given'
import { LocalItems } from '../streams/local_items'
import { Stream } from '../streams/stream'
import { isStreamed, streamMark } from '../values'
import { Call, type Ends, makeCall } from './call'
import type { Client } from './client'
import { noSettings, type Settings } from './settings'

/** A call that passes the middleware of its client. */
class MadeCall extends PassingCall {
  /** What was sent last. */
  sent: Call<unknown> | undefined = undefined
  private retainsItems = false
  /** The call on whose behalf it is made, also where a middleware goes on later. */
  private readonly served: CurrentCall | undefined = currentCall()

  constructor(
    private readonly client: Client,
    private readonly number: number,
    private readonly isNotification: boolean,
    args: readonly unknown[],
    private readonly options: Settings | undefined,
  ) {
    super(args)
  }

  get side(): 'client' {
    return 'client'
  }

  get kind(): 'call' | 'notification' {
    return this.isNotification ? 'notification' : 'call'
  }

  get service(): string {
    return this.client.addresses.join(', ')
  }

  get method(): string {
    return this.client.nameOf(this.number)
  }

  get context(): undefined {
    return undefined
  }

  protected readMetadata(): Record<string, unknown> {
    return this.wholeMetadata()?.values() ?? {}
  }

  send(): Call<unknown> {
    this.sent = this.onBehalf(sendCall)
    if (this.retainsItems) this.retainItems()
    return this.sent
  }

  /** Of a stream that it brings, also one that is sent later. */
  retainItems(): void {
    this.retainsItems = true
    this.withStream(stream => stream[retainItems]())
  }

  closeStream(): void {
    this.withStream(stream => stream.close())
  }

  private withStream(use: (stream: Stream<unknown>) => void): void {
    const useStream = (result: unknown) => {
      if (isMarked(result, streamMark)) use(result as Stream<unknown>)
    }
    this.sent?.then(useStream, () => {})
  }

  block(): unknown {
    return this.onBehalf(block)
  }

  notify(): boolean {
    return this.onBehalf(notify)
  }

  private onBehalf<R>(send: Send<R>): R {
    if (this.served === undefined) return send(this.client, this.number, this.allArgs, this.settings())
    const before = enter(this.served)
    try {
      return send(this.client, this.number, this.allArgs, this.settings())
    } finally {
      enter(before)
    }
  }

  private wholeMetadata(): Metadata | undefined {
    const own = this.options?.metadata
    const { served } = this
    const inherited = served?.carriedOn(served.depthFor(this.isNotification))
    return own === undefined || inherited === undefined ? (own ?? inherited) : own.over(inherited)
  }

  private settings(): Settings | undefined {
    if (this.seenMetadata === undefined) return this.options
    const metadata = encodeMetadata(this.seenMetadata).whole(this.wholeMetadata())
    return { ...(this.options ?? noSettings), metadata }
  }
}

type Send<R> = (client: Client, number: number, args: readonly unknown[], settings: Settings | undefined) => R

const sendCall: Send<Call<unknown>> = (client, number, args, settings) => client.call(number, args, settings)
const block: Send<unknown> = (client, number, args, settings) => client.callBlocking(number, args, settings as Settings)
const notify: Send<boolean> = (client, number, args, settings) => client.notify(number, args, settings)

/** The middleware around the calls of one client: a client with it is called through this. */
export class CallMiddleware {
  private readonly runCall: Run<MadeCall>
  private readonly runBlocking: Run<MadeCall>
  private readonly runNotification: Run<MadeCall>
  /** One of the functions is an async one; others may return promises all the same. */
  private readonly isAsync: boolean

  constructor(
    private readonly client: Client,
    functions: readonly Middleware[],
  ) {
    this.runCall = compose<MadeCall>(functions, call => call.send(), callOf)
    this.runBlocking = compose<MadeCall>(functions, call => call.block())
    this.runNotification = compose<MadeCall>(functions, call => call.notify())
    this.isAsync = functions.some(fn => types.isAsyncFunction(fn))
  }

  call(number: number, args: readonly unknown[], settings: Settings | undefined): Call<unknown> {
    return this.runCall(new MadeCall(this.client, number, false, args, settings)) as Call<unknown>
  }

  /** Throws 'failed_precondition' where a middleware is async. */
  callBlocking(number: number, args: readonly unknown[], settings: Settings): unknown {
    const call = new MadeCall(this.client, number, false, args, settings)
    const message = `${call.method}(): a middleware of the client is async, and a blocked thread cannot run it`
    if (this.isAsync) throw new IpcError('failed_precondition', message)
    const result = this.runBlocking(call)
    if (!isThenable(result)) return result
    result.then(undefined, () => {}) // nobody will hear of it
    throw new IpcError('failed_precondition', `${message}; the call may have been made`)
  }

  /** Where a middleware is async it tells only that nothing has failed so far: what does later is logged. */
  notify(number: number, args: readonly unknown[], settings: Settings | undefined): boolean {
    const call = new MadeCall(this.client, number, true, args, settings)
    const result = this.runNotification(call)
    if (typeof result === 'boolean') return result
    Promise.resolve(result).catch(error => {
      log(`ipcbridge: ${call.service}: the notification ${call.method} was not sent:`, () => shownError(error))
    })
    return true
  }
}

/** A step of which Calls come, whatever a middleware returns or throws. */
function callOf(run: Run<MadeCall>): Run<MadeCall> {
  return made => {
    let result: unknown
    try {
      result = run(made)
      if (result instanceof Call) return result
      result = isThenable(result) ? whenSettled(result, made) : asResult(result, made)
    } catch (error) {
      const ends = noEnds()
      const call = makeCall(ends)
      ends.reject?.(trimStack(error))
      return call
    }
    const ends = noEnds()
    const call = makeCall(ends)
    ends.resolve?.(result)
    return call
  }
}

const noEnds = (): Ends => ({ resolve: undefined, reject: undefined })

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** By `await`, through which V8 finds the functions that await the call. */
async function whenSettled(result: PromiseLike<unknown>, made: MadeCall): Promise<unknown> {
  try {
    return asResult(await result, made)
  } catch (error) {
    throw trimStack(error)
  }
}

/** What streams items of its own making, around those of a stream or not, is a Stream as well. */
function asResult(value: unknown, made: MadeCall): unknown {
  if (typeof value !== 'object' || value === null || isMarked(value, streamMark) || !isStreamed(value)) return value
  made.sent?.catch(() => {}) // whoever reads the items is told
  return new Stream(new LocalItems(value, made))
}
