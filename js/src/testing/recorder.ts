import { types } from 'node:util'
import { type AnyFunction, collectMethods, type Method, method } from '../serve/exposure'
import { shareSignature } from '../serve/signature'

/** A call, with its arguments as the method was given them. */
export interface RecordedCall {
  /** The dotted name. */
  readonly method: string
  readonly args: readonly unknown[]
}

/** The same methods, which add each of their calls to `calls` when it begins. Throws as `serve` does. */
export function recorded(target: object, calls: RecordedCall[]): Map<string, AnyFunction> {
  return new Map(collectMethods(target).map(each => [each.name, recording(each, calls)]))
}

function recording({ name, fn, self, serial }: Method, calls: RecordedCall[]): AnyFunction {
  const run = (args: unknown[]): unknown => {
    calls.push({ method: name, args })
    return Reflect.apply(fn, self, args)
  }
  // As `describe` tells of it.
  const wrapper = types.isAsyncFunction(fn)
    ? async (...args: unknown[]) => run(args)
    : (...args: unknown[]) => run(args)
  shareSignature(wrapper, fn)
  return method(wrapper, { serial })
}
