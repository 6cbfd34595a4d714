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
   * Of 'unavailable': whether the service may have begun the call, or surely has not, as after a connect() that found
   * nobody. Absent from other errors.
   */
  declare sent?: 'no' | 'maybe'

  constructor(code: Code, message: string, details?: unknown, options?: { cause?: unknown }) {
    if (!isCode(code)) throw new RangeError(`${String(code)} is not an error code; the codes are ${codes.join(', ')}`)
    super(message, options)
    this.code = code
    if (details !== undefined) this.details = details
  }
}

/** `instanceof` for what anybody may have thrown: of a Proxy even asking that may throw. */
export function isA(thrown: unknown, type: abstract new (...args: never[]) => Error): boolean {
  try {
    return thrown instanceof type
  } catch {
    return false
  }
}

export interface RemoteErrorInit {
  /** The exception's class name on the other side. */
  type?: string | undefined
  /** Its stack there, as text; absent where the other side does not send it. */
  remoteStack?: string | undefined
  details?: unknown
  /** What it was raised from, another RemoteError. */
  cause?: unknown
}

/** The other side answered the call with an error. */
export class RemoteError extends IpcError {
  readonly type: string
  declare readonly remoteStack?: string

  constructor(code: Code, message: string, init: RemoteErrorInit = {}) {
    super(code, message, init.details, init.cause === undefined ? undefined : { cause: init.cause })
    this.type = init.type ?? 'Error'
    const { remoteStack } = init
    if (remoteStack === undefined) return
    // Not enumerable, or console.log would show it twice.
    Object.defineProperty(this, 'remoteStack', { value: remoteStack })
    appendRemoteStack(this)
  }
}

/** Whatever logs the error's stack shows the remote one with it. */
function appendRemoteStack(error: RemoteError): void {
  error.stack = `${error.stack}\nRemote stack:\n${error.remoteStack}`
}

/** Gives an error the stack of this moment, from the caller of `above` on. */
export function captureStack(error: IpcError, above: (...args: never[]) => unknown): void {
  Error.captureStackTrace(error, above)
  if (error instanceof RemoteError && error.remoteStack !== undefined) appendRemoteStack(error)
}

// On the prototypes: as an own property it would clutter every printed error.
Object.defineProperty(IpcError.prototype, 'name', { value: 'IpcError', configurable: true, writable: true })
Object.defineProperty(RemoteError.prototype, 'name', { value: 'RemoteError', configurable: true, writable: true })
