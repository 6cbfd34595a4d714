/// <reference lib="esnext.disposable" preserve="true" />
import { inspect } from 'node:util'
import { IpcError } from '../errors'
import { type AnyFunction, isClass, Referenced, referencedBy, standFor } from '../values'
import { end, keepScope } from './owned'

/** A function that may be passed any number of times, and be called until it is released; made by `retain`. */
export type Retained<F> = F & Disposable

declare const passed: unique symbol

/** Stands for an object that is passed by reference; made by `proxy`. */
export interface Proxied<T> extends Disposable {
  /** For the compiler alone. */
  readonly [passed]: T
}

/** Of each function and object that may be passed by reference, what stands for it. */
const stands = new WeakMap<object, object>()

/** What stands for it now; undefined when nothing does, or it was released. */
export function standOf(target: object): object | undefined {
  const stand = stands.get(target)
  return stand !== undefined && referencedBy(stand)?.isReleased === false ? stand : undefined
}

/** What a stand is for, also one that was released; anything else is its own. */
export function targetOf(value: object): object {
  return referencedBy(value)?.target ?? value
}

/** From now on `stand` is what travels for the target of this. */
export function putStand(stand: object, referenced: Referenced): void {
  stands.set(referenced.target, stand)
  standFor(stand, referenced)
  keepScope(referenced)
  const { dispose } = Symbol as { dispose?: symbol }
  if (dispose !== undefined) Object.defineProperty(stand, dispose, { value: () => end(referenced) })
}

/** `retain` of a function. */
export function retainFunction<F extends (...args: never[]) => unknown>(fn: F): Retained<F> {
  if (isClass(fn))
    throw new IpcError('invalid_argument', 'retain() takes a function; of a class pass ipc.proxy(new TheClass())')
  const target = targetOf(fn) as AnyFunction
  return (standOf(target) ?? standFunction(target)) as Retained<F>
}

function standFunction(fn: AnyFunction): object {
  const stand = function (this: unknown, ...args: unknown[]): unknown {
    return Reflect.apply(fn, this, args)
  }
  const referenced = new Referenced(fn, true)
  putStand(stand, referenced)
  Object.defineProperty(stand, 'name', { value: fn.name })
  const shown = () => `[Retained ${fn.name || 'anonymous'}${referenced.isReleased ? ' (released)' : ''}]`
  Object.defineProperty(stand, inspect.custom, { value: shown })
  return stand
}

/** Ends what stands for a function or an object of this side's, or that function itself. Whether it was one. */
export function releaseOwned(value: object): boolean {
  const referenced = referencedBy(standOf(value) ?? value)
  if (referenced === undefined) return false
  end(referenced)
  return true
}
