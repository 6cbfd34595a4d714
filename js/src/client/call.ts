import { captureStack, IpcError, isIpcError, trimStack } from '../errors'

/**
 * A call that has been sent: a promise of its result. Iterating it (`for await`) is for streams, which come in a later
 * release: where the service answers with one it rejects with 'unimplemented', otherwise with 'failed_precondition'.
 */
export class Call<T> extends Promise<T> implements AsyncIterable<never> {
  [Symbol.asyncIterator](): AsyncIterator<never> {
    return { next: () => this.then(refuseToIterate) }
  }
}

function refuseToIterate(): never {
  throw new IpcError('failed_precondition', 'the method returned a value and no stream: await the call instead')
}

// `await` takes a promise whose constructor is Promise as it is; any other it wraps in a second promise and
// waits for in two more jobs, which costs more than the rest of the promise. For the same reason derived
// promises are plain ones.
Object.defineProperty(Call.prototype, 'constructor', { value: Promise, configurable: true, writable: true })

export type Resolve = (value: unknown) => void
export type Reject = (error: unknown) => void

let resolve: Resolve
let reject: Reject

// One executor for all, so that a call makes no closure of its own.
function capture(resolveCall: Resolve, rejectCall: Reject): void {
  resolve = resolveCall
  reject = rejectCall
}

export interface Ends {
  resolve: Resolve | undefined
  reject: Reject | undefined
}

/** A call whose ends are put where `ends` says. */
export function makeCall(ends: Ends): Call<unknown> {
  const call = new Call<unknown>(capture)
  ends.resolve = resolve
  ends.reject = reject
  return call
}

/** A call whose result is what `convert` makes of another's; it rejects with what that throws. */
export function convertedCall<T>(call: Call<unknown>, convert: (result: unknown) => T): Call<T> {
  const converted = new Call<unknown>(capture) as Call<T>
  resolve(convertResult(call, convert))
  return converted
}

async function convertResult<T>(call: Call<unknown>, convert: (result: unknown) => T): Promise<T> {
  return convert(await call)
}

export function rejectedCall(error: unknown): Call<never> {
  const call = new Call<unknown>(capture) as Call<never>
  if (isIpcError(error)) captureStack(error, rejectedCall)
  reject(trimStack(error))
  return call
}

/**
 * What to resolve a call with that fails while its caller is not on the stack. V8 shows the async functions that await a
 * promise in stacks captured in a job that leads to it: the call has to be attached to this promise by then, which takes
 * it the first of the two jobs.
 */
export async function failLater(error: unknown): Promise<never> {
  await null
  await null
  if (isIpcError(error)) captureStack(error, failLater)
  throw error
}
