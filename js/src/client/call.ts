import { isMarked } from '../brand'
import { IpcError, recaptureStack, trimStack } from '../errors'
import type { Stream } from '../streams/stream'
import { streamMark } from '../values'

/** What iterating a result of type T gives. */
export type ItemOf<T> = T extends Stream<infer Item> ? Item : never

/**
 * A call that has been sent: a promise of its result. Where that is a stream, the call can be iterated as well, `for await`,
 * which takes care of its rejection. Iterating it rejects with 'failed_precondition' where the result is no stream.
 */
export class Call<T> extends Promise<T> implements AsyncIterable<ItemOf<T>> {
  [Symbol.asyncIterator](): AsyncIterableIterator<ItemOf<T>> {
    return new CallIterator(this)
  }
}

class CallIterator<Item> implements AsyncIterableIterator<Item> {
  private iterator: AsyncIterator<Item> | undefined

  constructor(private readonly call: Call<unknown>) {}

  next(): Promise<IteratorResult<Item>> {
    return this.iterator === undefined ? this.begin() : this.iterator.next()
  }

  // Not async: each of those would make promises of its own, for which the first item would wait.
  private begin(): Promise<IteratorResult<Item>> {
    return this.call.then(result => this.open(result).next())
  }

  private readonly open = (result: unknown): AsyncIterator<Item> => {
    if (!isMarked(result, streamMark)) {
      const message = 'the method returned a value and no stream: await the call instead'
      throw trimStack(new IpcError('failed_precondition', message))
    }
    this.iterator ??= (result as Stream<Item>)[Symbol.asyncIterator]()
    return this.iterator
  }

  async return(value?: unknown): Promise<IteratorResult<Item>> {
    if (this.iterator === undefined) await this.call.then(this.open).catch(() => {})
    await this.iterator?.return?.()
    return { done: true, value }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

// `await` takes a promise whose constructor is Promise as it is; any other it wraps in a second promise and
// waits for in two more jobs, which costs more than the rest of the promise. For the same reason derived
// promises are plain ones.
Object.defineProperty(Call.prototype, 'constructor', { value: Promise, configurable: true, writable: true })

export type Resolve = (value: unknown) => void
export type Reject = (error: unknown) => void

let resolve: Resolve
let reject: Reject

const forgotten = () => {}

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
  resolve = reject = forgotten // they would keep the call's result in memory
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
  recaptureStack(error, rejectedCall)
  reject(trimStack(error))
  return call
}
