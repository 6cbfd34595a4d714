import { IpcError } from '../errors'
import { isKwargs, isPlainObject } from '../values'
import type { Method } from './exposure'
import type { Signature } from './signature'

/** The arguments as the function takes them, keyword ones in their places. Throws 'invalid_argument' where they do not fit. */
export function fitArguments(method: Method, args: readonly unknown[]): readonly unknown[] {
  const last = args.length > 0 ? args[args.length - 1] : undefined
  const name = method.shownAs ?? method.name
  if (isKwargs(last)) {
    return bind(name, method.signature(), args.slice(0, -1), last.values)
  }
  if (args.length > method.most) {
    // Only now is the source worth reading: the function itself knows of no defaults and no rest.
    method.most = method.signature().most
    expectSeen(name, method.signature(), args)
  }
  return args
}

/**
 * Throws 'invalid_argument' where there are more arguments than the function could see. Fewer are its own affair, as in a
 * local call: those are undefined.
 */
function expectSeen(name: string, { most, text }: Signature, given: readonly unknown[]): void {
  if (given.length <= most) return
  const takes = most === 0 ? 'no arguments' : `at most ${most} argument${most === 1 ? '' : 's'}`
  const last = given[given.length - 1]
  const hint = isPlainObject(last) ? '; keyword arguments are written kwargs({ … }), in Python name=value' : ''
  throw new IpcError('invalid_argument', `${name}${text} takes ${takes}, ${given.length} given${hint}`)
}

/** The positional arguments that the positional and keyword arguments of a call amount to. */
function bind(
  name: string,
  signature: Signature,
  positional: readonly unknown[],
  named: Readonly<Record<string, unknown>>,
): unknown[] {
  const { parameters, text } = signature
  const refuse = (reason: string): never => {
    throw new IpcError('invalid_argument', `${name}${text} ${reason}`)
  }
  if (!signature.known) refuse('does not say its parameters: expose it with method(fn, { params: [...] })')
  const left = new Map(Object.entries(named))
  const bound = [...positional]
  const place = (index: number, value: unknown) => {
    while (bound.length < index) bound.push(undefined)
    bound[index] = value
  }
  for (const [index, parameter] of parameters.entries()) {
    if (parameter.rest) continue
    const isGiven = index < positional.length
    if (parameter.name !== undefined && left.has(parameter.name)) {
      if (isGiven) refuse(`got '${parameter.name}' twice, by place and by name`)
      place(index, left.get(parameter.name))
      left.delete(parameter.name)
    } else if (parameter.keys !== undefined && !isGiven && index === parameters.length - 1) {
      const taken = [...left].filter(([key]) => parameter.open === true || parameter.keys?.includes(key))
      for (const [key] of taken) left.delete(key)
      if (taken.length > 0 || parameter.required) place(index, Object.fromEntries(taken))
    }
  }
  if (left.size > 0) refuse(`has no parameter ${[...left.keys()].map(key => `'${key}'`).join(', ')}`)
  expectSeen(name, signature, bound)
  return bound
}
