/// <reference lib="esnext.disposable" preserve="true" />
import { inspect } from 'node:util'
import { IpcError } from '../errors'
import { type AnyFunction, isClass, Referenced, referencedBy, standFor } from '../values'
import { end, keepScope } from './owned'

/** A function that may be passed any number of times, and be called until it is released; made by `retain`. */
export type Retained<F> = F & Disposable

/** Of each function that is retained, what stands for it. */
const retained = new WeakMap<object, AnyFunction>()

/**
 * `fn` as a callback that outlives the call that it is passed with: it may be passed any number of times, also in results, and
 * is the same reference each time. It keeps the process alive from when it is passed until it is released, here or by all
 * who have it, or their connections have ended. The same function gives the same callback.
 *
 * Throws 'invalid_argument' for what is no function.
 */
export function retain<F extends (...args: never[]) => unknown>(fn: F): Retained<F> {
  if (typeof fn !== 'function') throw new IpcError('invalid_argument', 'retain() takes a function')
  if (isClass(fn))
    throw new IpcError('invalid_argument', 'retain() takes a function; of a class pass ipc.proxy(new TheClass())')
  if (referencedBy(fn) !== undefined) return fn as Retained<F>
  const known = retained.get(fn)
  if (known !== undefined && referencedBy(known)?.isReleased === false) return known as Retained<F> & AnyFunction
  const stand = standFunction(fn)
  retained.set(fn, stand)
  return stand as Retained<F> & AnyFunction
}

function standFunction(fn: AnyFunction): AnyFunction {
  const stand = function (this: unknown, ...args: unknown[]): unknown {
    return Reflect.apply(fn, this, args)
  }
  const referenced = new Referenced(fn, true)
  keepScope(referenced)
  standFor(stand, referenced)
  Object.defineProperty(stand, 'name', { value: fn.name })
  const shown = () => `[Retained ${fn.name || 'anonymous'}${referenced.isReleased ? ' (released)' : ''}]`
  Object.defineProperty(stand, inspect.custom, { value: shown })
  addDispose(stand, referenced)
  return stand
}

/** For `using`, where the runtime knows of it. */
export function addDispose(stand: object, referenced: Referenced): void {
  const { dispose } = Symbol as { dispose?: symbol }
  if (dispose !== undefined) Object.defineProperty(stand, dispose, { value: () => end(referenced) })
}

/** Ends what stands for a function or an object of this side's, or that function itself. Whether it was one. */
export function releaseOwned(value: object): boolean {
  const referenced = referencedBy(value) ?? referencedBy(retained.get(value) ?? value)
  if (referenced === undefined) return false
  end(referenced)
  return true
}
