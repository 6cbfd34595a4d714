/// <reference types="node" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />
import type { NDArray } from './arrays'
import type { AnyRemote } from './call_context'
import type { SyncStream } from './client/blocking_stream'
import { type Call, convertedCall } from './client/call'
import type { Client } from './client/client'
import { expectDescription } from './client/description'
import type { Handle } from './client/member'
import { handleOf, makeRemote, makeView } from './client/remote'
import type { Blocking, Notifier, Remote, Rows, Synchronous } from './client/remote_types'
import { makeSettings, noSettings, type Settings } from './client/settings'
import {
  callStub,
  getAttribute as getAttributeOf,
  releaseStub,
  setAttribute as setAttributeOf,
  stubHandle,
  stubView,
} from './client/stubs'
import type { Description } from './description'
import type * as Endpoints from './endpoints'
import { IpcError, trimmed } from './errors'
import { releaseArray, retainArray } from './memory'
import {
  type CallOptions,
  type CloseOptions,
  type ConnectOptions,
  checkKeys,
  isList,
  oneOf,
  type ServeOptions,
} from './options'
import { type Retained, releaseOwned, retainFunction } from './references/retained'
import { native } from './runtime'
import { Server, serviceIfAny } from './serve/server'
import type { Listener } from './state'
import type { ClientState, ClientStatus, ServerState, ServerStatus } from './status'
import { retainStream } from './streams/given'
import type { Stream } from './streams/stream'
import { Kwargs } from './values'

export {
  type ArrayData,
  type ArrayElement,
  type ArraySlice,
  type Complex,
  type DType,
  type DTypeField,
  type Float16Data,
  NDArray,
  type NDArrayOptions,
  type NestedArray,
} from './arrays'
export type { AnyRemote, Context, Peer } from './call_context'
export type { SyncStream } from './client/blocking_stream'
export { Call } from './client/call'
export { type FanOut, type FanOutResult, fanOut } from './client/fan_out'
export type { Callback, Notifier, Reference, Remote, Synchronous } from './client/remote_types'
export type { Description, MethodDescription, ParameterDescription } from './description'
export { type Code, codes, IpcError, RemoteError } from './errors'
export { alloc } from './memory'
export type { GivenMiddleware, Middleware, MiddlewareCall } from './middleware'
export type {
  CallOptions,
  CloseOptions,
  ConnectOptions,
  HandlerErrorInfo,
  Limits,
  ServeLimits,
  ServeOptions,
} from './options'
export type { Proxied, Retained } from './references/retained'
export { type ErrorClass, registerError } from './registered'
export { proxy } from './serve/by_reference'
export { context } from './serve/context'
export { type MethodOptions, method } from './serve/exposure'
export { Server } from './serve/server'
export { closeOnSignals, type SignalOptions } from './serve/signals'
export type { ClientState, ClientStatus, LinkStatus, ServerState, ServerStatus, StalledStreams } from './status'
export { Stream } from './streams/stream'
export type { Columns, ColumnValues } from './tables'
export {
  type Float,
  float,
  type Int64,
  type Kwargs,
  kwargs,
  type LocalDateTime,
  localDateTime,
  type StreamSource,
  stream,
} from './values'

function endpoints(): typeof Endpoints {
  return require('./endpoints') as typeof Endpoints
}

/**
 * Offers an object of functions, a class instance or a module's exports as a service; resolves when clients can
 * connect. The process stays alive until the server is closed. Serving a name again replaces the service, where the same
 * copy of this library in the same process did. Handlers run on the event loop of the thread (or worker) that serves.
 *
 * Rejects with 'invalid_argument' when there is nothing to offer, an option is wrong or `allow` names a user or group
 * that does not exist, 'already_exists' when another process serves the name (see `takeover` and `shared`),
 * 'failed_precondition' when the directory of names is not safe; where the native addon does not load, with an Error that is no
 * IpcError and says what to do.
 */
export async function serve(name: string, target: object, options: ServeOptions = {}): Promise<Server> {
  if (typeof name !== 'string') throw new IpcError('invalid_argument', 'serve() takes the name of the service first')
  const service = trimmed(() => new (endpoints().Service)(name, target, options))
  await service.listening()
  return new Server(service)
}

const connectKeys = [
  'connectTimeout',
  'maxQueuedBytes',
  'limits',
  'allow',
  'int64',
  'spin',
  'serve',
  'name',
  'middleware',
  'lazy',
]

/**
 * connect() without a promise: the connection is made with the first call. Throws what is wrong on this side, such as an option or
 * the directory of names; the calls reject with what is wrong with the service.
 */
export function connect(
  address: string | readonly string[],
  options: ConnectOptions & { lazy: true },
): AnyRemote & AsyncDisposable
/** The same with types. */
export function connect<T extends object>(
  address: string | readonly string[],
  options: ConnectOptions & { lazy: true },
): Remote<T> & AsyncDisposable
/**
 * Connects to a service, waiting up to `connectTimeout` for it to appear, which keeps the process alive; the connection
 * itself does not. Of several addresses each call goes to the least busy. A lost connection is made again by itself.
 * What is returned belongs to the thread (or worker) that connected.
 *
 * Rejects with 'unavailable' and `sent: 'no'` when nobody was found in time, 'permission_denied' when the service belongs
 * to a user who is not allowed, 'failed_precondition' when it speaks another version of the protocol or the directory of
 * names is not safe, 'invalid_argument' when the address or an option is wrong; and as serve() does where the addon does not
 * load.
 */
export function connect(
  address: string | readonly string[],
  options?: ConnectOptions,
): Promise<AnyRemote & AsyncDisposable>
/** The same with types: `connect<typeof target>('calc')`, where T is what was served. */
export function connect<T extends object>(
  address: string | readonly string[],
  options?: ConnectOptions,
): Promise<Remote<T> & AsyncDisposable>
export function connect(address: string | readonly string[], options: ConnectOptions = {}): object {
  return isLazy(options) ? makeRemote(openClient(address, options)) : connectNow(address, options)
}

function isLazy(options: ConnectOptions): boolean {
  try {
    return options.lazy === true
  } catch {
    return false // of what cannot be read the promise tells
  }
}

async function connectNow(address: string | readonly string[], options: ConnectOptions): Promise<object> {
  const client = openClient(address, options)
  const remote = makeRemote(client)
  await client.ready()
  return remote
}

function openClient(address: string | readonly string[], options: ConnectOptions): Client {
  return trimmed(() => {
    checkKeys('connect', options, connectKeys)
    oneOf('lazy', options.lazy, [true, false], false)
    const addresses = typeof address === 'string' ? [address] : address
    if (!isList(addresses) || addresses.length === 0 || !addresses.every(each => typeof each === 'string')) {
      throw new IpcError('invalid_argument', 'connect() takes an address, or an array of addresses')
    }
    return endpoints().offerAndConnect(addresses, options)
  })
}

/**
 * The same service with a timeout, a signal, metadata … for each call made through what is returned. `remote` is not
 * changed; options that it has from another withOptions() stay where these say nothing.
 *
 * Throws 'invalid_argument' when an option is wrong or metadata cannot be sent.
 */
export function withOptions<R extends object>(remote: R, options: CallOptions): R {
  return trimmed(() => {
    const stub = stubHandle(remote)
    if (stub !== undefined) return stubView(remote, { settings: makeSettings(stub.settings, options) }) as R
    const handle = handleOf(remote, 'write withOptions(service, options).method()')
    return makeView(remote, { settings: makeSettings(handle.settings, options) }) as R
  })
}

/**
 * The same service for calls that want no answer. They return whether the call was taken: false when the queue of calls is
 * full, or nobody is there and `waitForReady` is false; `status` counts these. They throw what is wrong with the call itself
 * ('invalid_argument', 'cancelled' …). What the handler throws is logged on its side.
 *
 * Throws 'invalid_argument' for what is neither a service nor a reference.
 */
export function notify<R extends object>(remote: R): Notifier<R> {
  if (stubHandle(remote) !== undefined) return stubView(remote, { how: 'notify' }) as Notifier<R>
  handleOf(remote, 'write notify(service).method()')
  return makeView(remote, { how: 'notify' }) as Notifier<R>
}

/** How long the thread is blocked for a call at the most, where its options do not say otherwise, in ms. */
const syncTimeout = 30_000

/**
 * The same service, or callback, for calls that block the thread until they are over: for scripts, the REPL, configuration that is
 * read while modules load, and workers. A method returns what the promise would give, and throws what it would reject
 * with; a stream is iterated by `for`. `timeout` is 30 s unless withOptions() says otherwise.
 *
 * Meanwhile no promise settles, no timer runs and no other call is answered: all that waits, in order, and nothing of it is lost.
 * Only functions among the arguments run when they are called back, which must not be async. What would wait for this
 * thread is refused at once, to whoever calls it, with 'failed_precondition'.
 *
 * Throws 'invalid_argument' for what is neither a service nor a reference.
 */
export function sync<R extends object>(remote: R): Synchronous<R> {
  const blocking = (given: Settings | undefined) => {
    const settings = given ?? noSettings
    const blocked = settings.timeout === Number.POSITIVE_INFINITY ? syncTimeout : Number.POSITIVE_INFINITY
    return { how: 'block', settings: { ...settings, blocked } } as const
  }
  const stub = stubHandle(remote)
  if (stub !== undefined) return stubView(remote, blocking(stub.settings)) as Synchronous<R>
  const { settings } = handleOf(remote, 'write sync(service).method()')
  return makeView(remote, blocking(settings)) as Synchronous<R>
}

/** call() of what sync() gave: blocks the thread until the call is over, gives its result, throws what it would reject with. */
export function call(
  remote: Blocking,
  name: string,
  args?: readonly unknown[],
  named?: Record<string, unknown>,
): unknown
/**
 * Calls a method by its name, whatever the name: `call(calc, 'then', [1], { b: 2 })`. `named` are keyword arguments.
 *
 * Rejects as the method does, and with 'unimplemented' when there is none of that name. Throws 'invalid_argument' when `name` is
 * no string, `args` no array, or `remote` no service and no reference.
 */
export function call(
  remote: object,
  name: string,
  args?: readonly unknown[],
  named?: Record<string, unknown>,
): Call<unknown>
export function call(
  remote: object,
  name: string,
  args: readonly unknown[] = [],
  named?: Record<string, unknown>,
): unknown {
  const stub = stubHandle(remote)
  const handle = stub ?? handleOf(remote)
  if (typeof name !== 'string') throw new IpcError('invalid_argument', 'call() takes the name of the method')
  if (!isList(args)) throw new IpcError('invalid_argument', 'call() takes the arguments as an array')
  const all = named === undefined ? args : [...args, new Kwargs(named)]
  if (stub !== undefined) return callStub(stub, name, all)
  const { client, settings = noSettings, prefix, how } = handle as Handle
  const whole = prefix === '' ? name : `${prefix}.${name}`
  return how === 'block'
    ? trimmed(() => client.callNamedBlocking(whole, all, settings))
    : client.callNamed(whole, all, handle.settings)
}

/**
 * The methods of a service: their signatures, parameters and documentation. Asks the service, as any call does.
 *
 * Rejects as any call does, and with 'data_loss' when what it says of itself cannot be understood. Throws 'invalid_argument'
 * for what is no service.
 */
export function describe(remote: object): Call<Description> {
  const { client, settings } = handleOf(remote)
  return convertedCall(client.call(client.methodNumber(native().numbers.describe), [], settings), expectDescription)
}

/** How the service is doing now. Works in every state. */
export function status(of: Server): ServerStatus
/**
 * How the connection is doing now. Asks nobody; works in every state.
 *
 * Throws 'invalid_argument' for what is neither a connection nor a server.
 */
export function status(of: object): ClientStatus
export function status(of: object): ClientStatus | ServerStatus {
  return serviceIfAny(of)?.status() ?? handleOf(of).client.status()
}

/** onState() of a server: as of a connection. */
export function onState(of: Server, listener: Listener<ServerState>): () => void
/**
 * Tells of every change of state from now on, on the event loop; the function returned ends that. `reason` says why, if
 * there is a reason. What the listener throws is an uncaught exception.
 *
 * Throws 'invalid_argument' for what is neither a connection nor a server, and for what is no function.
 */
export function onState(of: object, listener: Listener<ClientState>): () => void
export function onState(of: object, listener: Listener<never>): () => void {
  if (typeof listener !== 'function') throw new IpcError('invalid_argument', 'onState() takes a function')
  const { state } = serviceIfAny(of) ?? handleOf(of).client
  return state.listen(listener as Listener<string>)
}

/**
 * Closes a connection: its pending calls fail with 'cancelled', later ones with 'failed_precondition'. Or a server, as
 * `server.close(options)`; `grace` is for servers, in ms. Of a reference that was passed it is `release`. Does nothing when it is
 * closed already.
 *
 * Rejects with 'invalid_argument' for anything else, and for a wrong option.
 */
export async function close(of: object, options: CloseOptions = {}): Promise<void> {
  const service = serviceIfAny(of)
  if (service !== undefined) return service.close(options)
  if (releaseStub(of)) return
  return handleOf(of).client.close()
}

/**
 * `fn` as a callback that outlives the call that it is passed with: it may be passed any number of times, also in results, and
 * is the same reference each time. It keeps the process alive from when it is passed until it is released, here or by all
 * who have it, or their connections have ended. The same function gives the same callback.
 *
 * Throws 'invalid_argument' for what is neither a function nor an array, a table, a Buffer or a stream.
 */
export function retain<F extends (...args: never[]) => unknown>(fn: F): Retained<F>
/**
 * Keeps an array, or what else lies in its memory, beyond the item of a stream that it has come in: until it is collected or
 * released. Of a stream, those of the item it has given last, and all that follow: for code that reads ahead or collects items. Returns what
 * it is given.
 */
export function retain<V extends Kept>(kept: V): V
export function retain(value: unknown): unknown {
  if (typeof value === 'function') return retainFunction(value as () => unknown)
  if (retainStream(value) || retainArray(value)) return value
  const what =
    'a function, an array, a table, a Buffer or a stream: await a call first; of another object retain what it has of these'
  throw new IpcError('invalid_argument', `retain() takes ${what}`)
}

type Kept = ArrayBufferView | ArrayBufferLike | NDArray<unknown> | Rows | Stream<unknown> | SyncStream<unknown>

/**
 * Ends a reference, or gives the memory of an array or a table back. What `retain` or `proxy` returned, or was given, can be called by nobody any more; what the other side has
 * passed is given back, and ends there when all who have it have done so. Does nothing to a callback that ends with its call.
 *
 * An array, a table or a Buffer that has arrived in shared memory, or that `alloc` has made, is empty afterwards, and so is all else that
 * looks at its memory, which is used again. It would be anyway, when the garbage collector finds it; that is too late for a
 * stream of large ones. To other arrays nothing happens.
 *
 * Throws 'invalid_argument' for what is neither.
 */
export function release(reference: object): void {
  const isStub = releaseStub(reference)
  if (releaseOwned(reference) || isStub || releaseArray(reference)) return
  throw new IpcError(
    'invalid_argument',
    'release() takes what retain() or proxy() returned, a reference that was passed, an array, a table or a Buffer',
  )
}

/**
 * The value of a property, which is no method, of an object that the other side has passed by reference.
 *
 * Rejects as any call does, with 'not_found' when there is none, 'permission_denied' for methods and names that begin with _.
 * Throws 'invalid_argument' for what is no such object, and a name that is no string.
 */
export function getAttribute(reference: object, name: string): Call<unknown> {
  return trimmed(() => getAttributeOf(reference, name))
}

/** Sets one, which has to be there; throws and rejects as getAttribute() does, and with 'permission_denied' where it is read-only. */
export function setAttribute(reference: object, name: string, value: unknown): Call<void> {
  return trimmed(() => setAttributeOf(reference, name, value)) as Call<void>
}
