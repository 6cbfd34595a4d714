import { IpcError } from '../errors'
import type { Signature } from './signature'

/** Throws 'invalid_argument' unless the function takes this many positional arguments. */
export function checkArity(name: string, signature: Signature, given: number): void {
  const { least, most, text } = signature
  if (given >= least && given <= most) return
  const few =
    least === most ? `${least}` : most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`
  const noun = few.endsWith(' 1') || few === '1' ? 'argument' : 'arguments'
  throw new IpcError('invalid_argument', `${name}${text} takes ${few} ${noun}, ${given} given`)
}

/** The positional arguments that the positional and keyword arguments of a call amount to. */
export function bind(
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
  let missing: string | undefined
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
    } else if (parameter.required && !isGiven) {
      missing ??= parameter.name === undefined ? `argument ${index + 1}` : `'${parameter.name}'`
    }
  }
  // Before what is missing, which a misspelt name is the usual reason for.
  if (left.size > 0) refuse(`has no parameter ${[...left.keys()].map(key => `'${key}'`).join(', ')}`)
  if (missing !== undefined) refuse(`misses ${missing}`)
  if (bound.length > signature.most) checkArity(name, signature, bound.length)
  return bound
}
