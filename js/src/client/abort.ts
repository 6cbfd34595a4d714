import { isError } from '../brand'
import { IpcError, rename, withSent } from '../errors'

/**
 * The calls that a signal is to abort. One listener a signal, however many calls share it: listeners by the thousand cost
 * a search each when they are removed, and Node.js takes more than ten for a leak. None while there is no call: a listener
 * keeps a signal of AbortSignal.any() or AbortSignal.timeout() in memory.
 */
class AbortWatch {
  private readonly callbacks = new Set<() => void>()

  constructor(private readonly signal: AbortSignal) {}

  add(aborted: () => void): void {
    if (this.callbacks.size === 0) this.signal.addEventListener('abort', this)
    this.callbacks.add(aborted)
  }

  delete(aborted: () => void): void {
    if (this.callbacks.delete(aborted) && this.callbacks.size === 0) this.signal.removeEventListener('abort', this)
  }

  handleEvent(): void {
    for (const aborted of this.callbacks) aborted()
  }
}

const watches = new WeakMap<AbortSignal, AbortWatch>()

/** Calls `aborted` when the signal is; the function returned ends that, and has to be called in the end. */
export function whenAborted(signal: AbortSignal, aborted: () => void): () => void {
  let watch = watches.get(signal)
  if (watch === undefined) {
    watch = new AbortWatch(signal)
    watches.set(signal, watch)
  }
  const watching = watch
  watching.add(aborted)
  return () => watching.delete(aborted)
}

/**
 * The error of a call, or of the streams of its result, whose signal was aborted: named as in what takes a signal in
 * Node.js itself. `sent` as of other errors.
 */
export function abortError(method: string, { reason }: AbortSignal, sent: 'no' | 'maybe'): IpcError {
  if (!isTimeout(reason)) {
    return rename(new IpcError('cancelled', `${method}() was aborted`, undefined, { cause: reason }), 'AbortError')
  }
  const message = `${method}() was aborted: the time that its signal allows is over`
  const error = new IpcError('deadline_exceeded', message, undefined, { cause: reason })
  return withSent(rename(error, 'TimeoutError'), sent)
}

/** Whether it is the reason of AbortSignal.timeout(). */
function isTimeout(reason: unknown): boolean {
  try {
    return isError(reason) && reason.name === 'TimeoutError'
  } catch {
    return false // a getter of the user's
  }
}
