import { sep } from 'node:path'
import { arrivedWith } from './arrived'
import { brand, isError, isMarked, markInstances } from './brand'

/** The closed list of codes, the same strings in every language. */
export const codes = [
  'cancelled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
] as const

export type Code = (typeof codes)[number]

const known: ReadonlySet<unknown> = new Set(codes)

export function isCode(value: unknown): value is Code {
  return known.has(value)
}

/**
 * A call, connection or service failed; `code` says how.
 *
 * Thrown in a handler, `new IpcError('not_found', 'no such user', details)` reaches the caller with that code;
 * `details` is any value that can be sent.
 */
export class IpcError extends Error {
  readonly code: Code
  declare readonly details?: unknown
  /**
   * Of 'unavailable' and 'deadline_exceeded': whether the service may have begun the call, or surely has not, as after a
   * connect() that found nobody. Absent from other errors, and from what the service itself answered.
   */
  declare sent?: 'no' | 'maybe'

  constructor(code: Code, message: string, details?: unknown, options?: { cause?: unknown }) {
    if (!isCode(code)) throw new RangeError(`${String(code)} is not an error code; the codes are ${codes.join(', ')}`)
    super(message, options)
    this.code = code
    if (details !== undefined) this.details = details
  }

  /** What JSON.stringify() shows: all but the stacks, and causes that are errors of other kinds as text. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, sent, details, cause } = this
    return { name, code, message, sent, details, cause: isIpcError(cause) || !isError(cause) ? cause : String(cause) }
  }
}

const ipcErrorMark = brand('IpcError')
const remoteErrorMark = brand('RemoteError')

/** Whether it is an IpcError, of whatever copy of this library. Never throws. */
export function isIpcError(thrown: unknown): thrown is IpcError {
  return isMarked(thrown, ipcErrorMark)
}

/** Whether it is a RemoteError, of whatever copy of this library. Never throws. */
export function isRemoteError(thrown: unknown): thrown is RemoteError {
  return isMarked(thrown, remoteErrorMark)
}

export interface RemoteErrorInit {
  /** The exception's class name on the other side. */
  type?: string | undefined
  /** Its stack there, as text; absent where the other side does not send it. */
  remoteStack?: string | undefined
  details?: unknown
  attributes?: Record<string, unknown> | undefined
  errors?: readonly Error[]
  /** What it was raised from, another RemoteError. */
  cause?: unknown
}

/** The other side answered the call with an error. */
export class RemoteError extends IpcError {
  readonly type: string
  declare readonly remoteStack?: string
  /** What else the error carried there: `code: 'ENOENT'`, `status` …; {} without. */
  declare readonly attributes: Readonly<Record<string, unknown>>
  /** Those of an AggregateError, or of a Python ExceptionGroup, RemoteErrors or of registered classes; [] of others. */
  declare readonly errors: readonly Error[]

  constructor(code: Code, message: string, init: RemoteErrorInit = {}) {
    super(code, message, init.details, init.cause === undefined ? undefined : { cause: init.cause })
    this.type = init.type ?? 'Error'
    const { remoteStack, attributes = {}, errors = [] } = init
    // Shown by console.log where there are any.
    const isAny = Object.keys(attributes).length > 0
    Object.defineProperty(this, 'attributes', { value: attributes, enumerable: isAny })
    Object.defineProperty(this, 'errors', { value: errors, enumerable: errors.length > 0 })
    // Not enumerable, or console.log would show it twice.
    if (remoteStack !== undefined) Object.defineProperty(this, 'remoteStack', { value: remoteStack })
    completeStack(this)
  }

  override toString(): string {
    return `${this.name}: ${this.type}: ${this.message}`
  }

  override toJSON(): Record<string, unknown> {
    const { name, ...rest } = super.toJSON()
    const { attributes, errors } = this
    const isAny = Object.keys(attributes).length > 0
    return {
      name,
      type: this.type,
      ...rest,
      ...(isAny ? { attributes } : {}),
      ...(errors.length > 0 ? { errors } : {}),
    }
  }
}

/** Whatever logs the error's stack shows the remote type and the remote stack with it. */
export function completeStack(error: Error): void {
  const local = String(error.stack)
  const head = `${error.name}: ${error.message}`
  const isRemote = isRemoteError(error)
  const stack = isRemote && local.startsWith(head) ? `${error}${local.slice(head.length)}` : local
  const remoteStack = isRemote ? error.remoteStack : arrivedWith(error)?.remoteStack
  error.stack = remoteStack === undefined ? stack : `${stack}\nRemote stack:\n${remoteStack}`
}

/** The error of a call, which tells how far it came where its code leaves that open. */
export function withSent(error: IpcError, sent: 'no' | 'maybe'): IpcError {
  if (error.code === 'unavailable' || error.code === 'deadline_exceeded') error.sent = sent
  return error
}

/** Gives an error another `name` than its class has, in its stack, too; returns it. */
export function rename(error: IpcError, name: string): IpcError {
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  Error.captureStackTrace(error, rename)
  return error
}

/** Whether this library has made it: an IpcError, or one of a registered class that arrived. */
function isOfLibrary(error: unknown): error is Error {
  return isIpcError(error) || arrivedWith(error) !== undefined
}

/** Gives an error of this library's the stack of this moment, from the caller of `above` on. */
export function captureStack(error: unknown, above: (...args: never[]) => unknown): void {
  if (!isOfLibrary(error)) return
  Error.captureStackTrace(error, above)
  completeStack(error)
}

/** The same, unless a user's code has made it: that line tells more. */
export function recaptureStack(error: unknown, above: (...args: never[]) => unknown): void {
  if (isOfLibrary(error) && beginsInLibrary(error)) captureStack(error, above)
}

function beginsInLibrary(error: Error): boolean {
  const { message, stack = '' } = error
  const frame = /^ +at .*/m.exec(stack.slice(stack.indexOf(message) + message.length))?.[0]
  return frame === undefined || frame.includes(__dirname + sep)
}

/** By which Node.js has a handler, and what it begins, find its call. */
const follower = /\(node:(internal\/)?async_(hooks|local_storage)/

/** A stack without the frames of this library, which tell its user nothing. */
export function withoutOwnFrames(stack: string): string {
  if (!stack.includes(__dirname)) return stack
  const isOwn = (line: string) => /^ +at /.test(line) && (line.includes(__dirname + sep) || follower.test(line))
  const lines: string[] = []
  for (const line of stack.split('\n')) {
    if (!isOwn(line)) lines.push(line)
    else if (line.endsWith(' {')) lines.push(`${lines.pop() ?? ''} {`) // of inspect(): the properties follow
  }
  return lines.join('\n')
}

/** Cuts the frames of this library from the stack of an error that its user is to see; returns it. */
export function trimStack<E>(error: E): E {
  if (isOfLibrary(error) && typeof error.stack === 'string') error.stack = withoutOwnFrames(error.stack)
  return error
}

/** Runs what throws for a mistake of the user's: the stack begins where the user has made it. */
export function trimmed<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    recaptureStack(error, trimmed) // from far below, a stack may not reach up to the user's frames
    throw trimStack(error)
  }
}

/**
 * What to resolve a promise with that fails while nobody who awaits it is on the stack. V8 shows the async functions that await a
 * promise in stacks captured in a job that leads to it: the promise has to be attached to this one by then, which takes
 * it the first of the two jobs.
 */
export async function failLater(error: unknown): Promise<never> {
  await null
  await null
  captureStack(error, failLater)
  throw error
}

// On the prototypes: as an own property it would clutter every printed error.
Object.defineProperty(IpcError.prototype, 'name', { value: 'IpcError', configurable: true, writable: true })
Object.defineProperty(RemoteError.prototype, 'name', { value: 'RemoteError', configurable: true, writable: true })
shareClass(IpcError, ipcErrorMark)
shareClass(RemoteError, remoteErrorMark)

/** Makes `error instanceof IpcError` hold for an IpcError of another copy of this library, too. */
function shareClass(type: abstract new (...args: never[]) => object, mark: symbol): void {
  markInstances(type, mark)
  const ordinary = Function.prototype[Symbol.hasInstance]
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: object, value: unknown) {
      return ordinary.call(this, value) || (this === type && isMarked(value, mark))
    },
  })
}
