import { IpcError } from './errors'
import type { GivenMiddleware } from './middleware'
import { show } from './shown'
import type { Int64 } from './values'

/** What one side accepts from the other on one connection. */
export interface Limits {
  /** The longest message, in bytes. Default 256 MiB; at least 1024, at most 4 GiB - 1. */
  maxMessageBytes?: number
  /** Bytes of all requests of one connection that are not answered yet; more wait on the caller's side. Default 64 MiB; at least 1024. */
  maxPendingBytes?: number
  /** Requests of one connection that are not answered yet; more wait on the caller's side. Default 1024; at least 1. */
  maxPendingCalls?: number
  /**
   * How many items of one stream the other side may send beyond those that have been read here: its window. Default 8192; at
   * least 1, at most 4294967295.
   */
  streamWindowItems?: number
  /** The same in bytes; the last message of items may exceed it. Default 256 KiB; at least 1, at most 4 GiB - 1. */
  streamWindowBytes?: number
}

/** What a service accepts. */
export interface ServeLimits extends Limits {
  /**
   * Bytes that all connections of one user together may make the service keep: requests that are not answered yet, with
   * 256 bytes besides their own, and results that are not read. Beyond it calls of that user fail with
   * 'resource_exhausted'. Default 1 GiB; at least 1024.
   */
  maxBytesPerUser?: number
}

/** What `connect` and `serve` have in common. */
export interface EndpointOptions {
  /** What this side accepts from the other on one connection. */
  limits?: Limits
  /**
   * Users who may be at the other end besides this process's own user and root: uids, user names, or
   * 'group:name'.
   */
  allow?: readonly (number | string)[]
  /** How integers arrive that a number cannot hold. Default 'mixed': as BigInt. */
  int64?: Int64
  /** `false`: this thread of the process never spins while it waits for a message, which saves CPU and costs latency. */
  spin?: boolean
}

/** The options of `connect`. */
export interface ConnectOptions extends EndpointOptions {
  /**
   * How long to wait for the service to appear, and again whenever it has gone, in ms. Default 10000; 0 tries
   * once; null or Infinity waits for ever.
   */
  connectTimeout?: number | null
  /**
   * Bytes of calls that wait on this side; beyond it they fail with 'resource_exhausted', and notifications are dropped.
   * Default 256 MiB; with 0 none waits.
   */
  maxQueuedBytes?: number
  /**
   * What this side offers to whom it connects to, as `serve` offers it: `server.peers` there calls it. It keeps the process alive
   * until the connection is closed.
   */
  serve?: object
  /** What the service is told of this side: `context().peer.name`. Default ''. */
  name?: string
  /** Runs around the calls and notifications of the service's methods: docs/middleware.md. */
  middleware?: GivenMiddleware
  /**
   * Returns the service at once, without a promise, and connects with the first call, for which `connectTimeout` begins. Until the
   * service has been heard of, its methods are whatever is asked for.
   */
  lazy?: boolean
}

/** Where a handler failed. */
export interface HandlerErrorInfo {
  /** The address that was served. */
  service: string
  /** The dotted name. */
  method: string
}

/** The options of `serve`. */
export interface ServeOptions extends EndpointOptions {
  /**
   * Serves only these: each is the name of a method, dotted for one in a namespace, or of a namespace, which means all that is in
   * it: `['add', 'math.mul', 'files']`. What is not named is neither listed nor described, and cannot be called. Default: everything. A
   * name that is not there, and an empty list, are 'invalid_argument'.
   */
  expose?: readonly string[]
  /** What the service accepts on one connection, and from one user. */
  limits?: ServeLimits
  /** The permissions of the socket file. Default 0o600. */
  mode?: number
  /**
   * Other processes, or workers of this one, may serve the name beside this service, if they all say `shared: true`: clients
   * spread their calls over them. Default false: the name is this service's alone.
   */
  shared?: boolean
  /** When another process serves the name: wait for it to go, fail at once, or ask it to go. Default 'wait'. */
  takeover?: 'wait' | 'fail' | 'replace'
  /** How long `takeover` waits, in ms; null or Infinity: for ever. Default 2000. */
  takeoverTimeout?: number | null
  /** `true`: one handler at a time, in the order of the calls, also when they are async. Default false. */
  serial?: boolean
  /**
   * Told of exceptions that a handler did not mean to throw (anything but an IpcError), of results that cannot be sent, and
   * of all that goes wrong with a notification; when the caller has been answered. Default: console.error, which is where
   * also goes what this function throws, or rejects with if it is async.
   */
  onError?: (error: unknown, info: HandlerErrorInfo) => void
  /**
   * Gives another error in place of what a handler, or a generator of its result, has thrown, such as an IpcError with a code;
   * undefined keeps it. Where it throws itself, that is logged, and the error stays.
   */
  mapError?: (error: unknown, info: HandlerErrorInfo) => unknown
  /** `false`: stacks, attributes, causes and the errors of groups do not travel. Default true. */
  exposeErrors?: boolean
  /** Runs around the handlers: docs/middleware.md. */
  middleware?: GivenMiddleware
}

/** The options of `withOptions`. */
export interface CallOptions {
  /**
   * In ms. The call then fails with 'deadline_exceeded' and the handler is told; 0 fails at once. The streams of its result
   * must have ended by then, too. Default null: no deadline.
   */
  timeout?: number | null | undefined
  /**
   * How long to wait for each item of a stream of the result, in ms; the stream then fails with 'deadline_exceeded'. Default
   * null: for ever.
   */
  idleTimeout?: number | null | undefined
  /** Aborting it fails the call, or the streams of its result, with 'cancelled' and tells the handler. */
  signal?: AbortSignal | undefined
  /** Travels with the call; the handler finds it in `context().metadata`. */
  metadata?: Readonly<Record<string, unknown>> | undefined
  /**
   * Names of metadata that go on: calls made inside the handler carry them as well, and those inside theirs. `traceparent` and
   * `tracestate` always do.
   */
  passOn?: readonly string[] | undefined
  /** The call may run twice: it is repeated when its connection is lost. Default false. */
  idempotent?: boolean | undefined
  /** `false`: fails at once with 'unavailable' while there is no connection. Default true. */
  waitForReady?: boolean | undefined
}

/** The options of `close`, for servers. */
export interface CloseOptions {
  /** How long calls that have begun may run on, in ms; null: for ever. Default 10000. */
  grace?: number | null
}

function refuse(message: string): never {
  throw new IpcError('invalid_argument', message)
}

/** Options as an object of known keys: a misspelt option would otherwise do nothing. */
export function checkKeys(what: string, options: object, known: readonly string[]): void {
  for (const key of keysOf(what, options)) {
    if (!known.includes(key)) refuse(`${what} has no option ${show(key)}; it has ${known.join(', ')}`)
  }
}

function keysOf(what: string, options: object): string[] {
  try {
    if (typeof options === 'object' && options !== null) return Object.keys(options)
  } catch {
    // a revoked Proxy
  }
  return refuse(`the options of ${what} are an object`)
}

/** `Array.isArray`, which throws for a revoked Proxy. */
export function isList(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

/** A time in ms; null and Infinity mean none. */
export function milliseconds<F extends number | undefined>(
  name: string,
  value: number | null | undefined,
  fallback: F,
): number | F {
  if (value === undefined) return fallback
  if (value === null) return Number.POSITIVE_INFINITY
  if (typeof value !== 'number' || !(value >= 0)) {
    refuse(`${name} is a number of milliseconds that is not negative, or null; got ${show(value)}`)
  }
  return value
}

/** An integer; undefined where none is given, which leaves it to the core. */
export function count(
  name: string,
  value: number | undefined,
  { least = 0, most = Number.MAX_SAFE_INTEGER, spell = String as (bound: number) => string } = {},
): number | undefined {
  if (value === undefined) return undefined
  if (!Number.isInteger(value) || value < least || value > most) {
    refuse(`${name} is an integer from ${spell(least)} to ${spell(most)}; got ${show(value)}`)
  }
  return value
}

/** The permissions of a file. */
export function mode(name: string, value: number | undefined): number | undefined {
  return count(name, value, { most: 0o777, spell: bound => (bound === 0 ? '0' : `0o${bound.toString(8)}`) })
}

export function oneOf<T>(name: string, value: T | undefined, choices: readonly T[], fallback: T): T {
  if (value === undefined) return fallback
  if (!choices.includes(value)) refuse(`${name} is one of ${choices.map(show).join(', ')}; got ${show(value)}`)
  return value
}

/** A function, or `fallback` where none is given. */
export function fn<F>(name: string, value: F | undefined, fallback: F): F {
  if (value === undefined) return fallback
  if (typeof value !== 'function') refuse(`${name} is a function; got ${show(value)}`)
  return value
}

const int64Choices: readonly Int64[] = ['mixed', 'bigint', 'error']

export function decodingOf(options: EndpointOptions): { int64: Int64 } | undefined {
  const int64 = oneOf('int64', options.int64, int64Choices, 'mixed')
  return int64 === 'mixed' ? undefined : { int64 }
}

const limitNames: readonly (keyof Limits)[] = [
  'maxMessageBytes',
  'maxPendingBytes',
  'maxPendingCalls',
  'streamWindowItems',
  'streamWindowBytes',
]
const few = { least: 1, most: 0xffff_ffff }

/** The part that connect and serve have in common, as the addon wants it. `leastBytes` is the least of limits in bytes. */
export function endpointOptions(options: EndpointOptions, leastBytes: number, moreLimits: readonly string[] = []) {
  const limits = options.limits ?? {}
  checkKeys('limits', limits, [...limitNames, ...moreLimits])
  oneOf('spin', options.spin, [true, false], true)
  const allow: unknown = options.allow ?? []
  if (!isList(allow)) return refuse(`allow is a list of uids, user names and 'group:name'; got ${show(allow)}`)
  return {
    maxMessageBytes: count('limits.maxMessageBytes', limits.maxMessageBytes, { least: leastBytes, most: 0xffff_ffff }),
    maxPendingBytes: count('limits.maxPendingBytes', limits.maxPendingBytes, { least: leastBytes }),
    maxPendingCalls: count('limits.maxPendingCalls', limits.maxPendingCalls, few),
    streamWindowItems: count('limits.streamWindowItems', limits.streamWindowItems, few),
    streamWindowBytes: count('limits.streamWindowBytes', limits.streamWindowBytes, few),
    allow: allow.map(account),
  }
}

const longestAccount = 256
const maxUid = 0xffff_fffe

function account(who: unknown): number | string {
  if (typeof who === 'string' && who !== '' && who.length <= longestAccount) return who
  if (typeof who === 'number' && Number.isInteger(who) && who >= 0 && who <= maxUid) return who
  return refuse(`allow lists uids, user names and 'group:name'; got ${show(who)}`)
}
