import type { Context } from './call_context'
import { IpcError } from './errors'
import { isList } from './options'
import { show } from './shown'
import { isKwargs, isPlainObject, isStreamed, Kwargs } from './values'

/** A call as middleware sees it, which may change or replace `args`, `kwargs` and `metadata` before it calls `next(call)`. */
export interface MiddlewareCall {
  readonly side: 'client' | 'server'
  readonly kind: 'call' | 'notification'
  /** The address that was connected to, or served. */
  readonly service: string
  /** The dotted name. */
  readonly method: string
  /** The positional arguments. */
  args: unknown[]
  /** The keyword arguments; {} without. */
  kwargs: Record<string, unknown>
  /** On the client what will be sent, with what is inherited; on the server a copy of what came. */
  metadata: Record<string, unknown>
  /** On the server as `context()` gives it; undefined on the client. */
  readonly context: Context | undefined
}

/**
 * Runs around calls, on the thread that makes or serves them. `next(call)` goes on with it, and gives what the call gives: on the
 * client a Call (of a notification a boolean, in `ipc.sync` the value), on the server what the handler returns, a promise where
 * that is async. It may be called again, to retry, but throws 'failed_precondition' then where a stream is among the arguments.
 * What a middleware returns is the result of the call, what it throws its error.
 */
// biome-ignore lint/suspicious/noExplicitAny: the result of whatever method
export type Middleware = (call: MiddlewareCall, next: (call: MiddlewareCall) => any) => unknown

/** One, or several, the first of which is the outermost. */
export type GivenMiddleware = Middleware | readonly Middleware[]

export function middlewareList(given: GivenMiddleware | undefined): readonly Middleware[] {
  if (given === undefined) return []
  const functions: readonly unknown[] = isList(given) ? [...given] : [given]
  const wrong = functions.findIndex(each => typeof each !== 'function')
  if (wrong >= 0) {
    const message = `middleware is a function, or an array of functions; got ${show(functions[wrong])}`
    throw new IpcError('invalid_argument', message)
  }
  for (const fn of functions as readonly Middleware[]) expectTwo(fn)
  return functions as readonly Middleware[]
}

/** One that takes less may leave the rest out, as any function may. */
function expectTwo({ name, length }: Middleware): void {
  if (length <= 2) return
  const message = `middleware takes the call and what comes next, (call, next), and ${name || 'this one'} takes ${length} arguments`
  throw new IpcError('invalid_argument', message)
}

/** A call on its way through the middleware of one side. What is seldom looked at is made when it is. */
export abstract class PassingCall implements MiddlewareCall {
  abstract readonly side: 'client' | 'server'
  /** How many steps of its middleware it has taken. */
  steps = 0
  /** Undefined where nobody has looked, who might have changed them. */
  protected seenMetadata: Record<string, unknown> | undefined = undefined
  /** Undefined where nobody has looked at the arguments, who might have changed them. */
  private seenArguments: Pick<MiddlewareCall, 'args' | 'kwargs'> | undefined = undefined

  /** The keyword arguments are the last of what is given, if there are any. */
  constructor(private readonly given: readonly unknown[]) {}

  abstract get kind(): 'call' | 'notification'
  abstract get service(): string
  abstract get method(): string
  abstract get context(): Context | undefined
  protected abstract readMetadata(): Record<string, unknown>

  get args(): unknown[] {
    return this.split().args
  }

  set args(args: unknown[]) {
    this.split().args = args
  }

  get kwargs(): Record<string, unknown> {
    return this.split().kwargs
  }

  set kwargs(kwargs: Record<string, unknown>) {
    this.split().kwargs = kwargs
  }

  get metadata(): Record<string, unknown> {
    this.seenMetadata ??= this.readMetadata()
    return this.seenMetadata
  }

  set metadata(metadata: Record<string, unknown>) {
    this.seenMetadata = metadata
  }

  private split(): Pick<MiddlewareCall, 'args' | 'kwargs'> {
    if (this.seenArguments === undefined) {
      const { given } = this
      const last = given.length > 0 ? given[given.length - 1] : undefined
      this.seenArguments = isKwargs(last)
        ? { args: given.slice(0, -1), kwargs: { ...last.values } }
        : { args: [...given], kwargs: {} }
    }
    return this.seenArguments
  }

  /** The arguments as they are sent. Throws 'invalid_argument' for what a middleware has put in place of them. */
  get allArgs(): readonly unknown[] {
    if (this.seenArguments === undefined) return this.given
    const { method, seenArguments } = this
    const { args, kwargs } = seenArguments
    if (!isList(args)) throw new IpcError('invalid_argument', `call.args of ${method}() is an array; got ${show(args)}`)
    if (!isPlainObject(kwargs)) {
      throw new IpcError('invalid_argument', `call.kwargs of ${method}() is a plain object; got ${show(kwargs)}`)
    }
    return Object.keys(kwargs).length === 0 ? args : [...args, new Kwargs(kwargs)]
  }
}

export type Run<C> = (call: C) => unknown

/** The functions around what `last` does with a call. `settle` makes what next(call) gives of a step. */
export function compose<C extends PassingCall>(
  functions: readonly Middleware[],
  last: Run<C>,
  settle: (run: Run<C>) => Run<C> = run => run,
): Run<C> {
  return functions.reduceRight((following, fn, place) => settle(around(fn, nextOf(following, place + 1))), settle(last))
}

function around<C extends PassingCall>(fn: Middleware, next: (call: MiddlewareCall) => unknown): Run<C> {
  return call => fn(call, next)
}

/** One for all calls: how many steps a call has taken tells whether this one is taken again. */
function nextOf<C extends PassingCall>(following: Run<C>, place: number): (call: MiddlewareCall) => unknown {
  return given => {
    if (!(given instanceof PassingCall)) {
      throw new IpcError('invalid_argument', 'next() takes the call that the middleware was given')
    }
    if (given.steps >= place) expectRepeatable(given)
    given.steps = place // those after this one are taken anew
    return following(given as C)
  }
}

function expectRepeatable({ method, args, kwargs }: PassingCall): void {
  if (!hasStreams(args, new Set()) && !hasStreams(kwargs, new Set())) return
  const message = `${method}(): next() has been called before, and a stream among the arguments is read once`
  throw new IpcError('failed_precondition', message)
}

function hasStreams(value: unknown, seen: Set<object>): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false
  seen.add(value)
  if (isStreamed(value)) return true
  if (value instanceof Map || isList(value)) return [...value.values()].some(each => hasStreams(each, seen))
  return isPlainObject(value) && Object.values(value).some(each => hasStreams(each, seen))
}
