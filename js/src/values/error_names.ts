import { isError } from '../brand'
import { isRemoteError } from '../errors'
import { boundedText, printedBigInt } from '../printed'
import { registeredName } from '../registered'

/** What an error is called where it arrives. */
export function typeOf(thrown: unknown): string {
  if (isRemoteError(thrown)) return boundedText(thrown.type)
  if (!isError(thrown)) return thrown === null ? 'null' : typeof thrown
  return boundedText(registeredName(thrown) ?? nameOf(thrown))
}

/** The class name: the one that `name` was set to, or the constructor's where it was left at that of a base class. */
export function nameOf(thrown: Error): string {
  const name = read(thrown, 'name')
  if (typeof name === 'string' && name !== '' && !isOfBase(name, thrown)) return name
  const className = read(read(thrown, 'constructor'), 'name')
  return typeof className === 'string' && className !== '' ? className : 'Error'
}

/** Whether an error's name is only what a class says that its own class extends. */
function isOfBase(name: string, thrown: Error): boolean {
  if (Object.hasOwn(thrown, 'name')) return name === 'Error'
  for (let level: object | null = Object.getPrototypeOf(thrown); level !== null; level = Object.getPrototypeOf(level)) {
    if (read(Object.getOwnPropertyDescriptor(level, 'constructor')?.value, 'name') === name) return true
  }
  return false
}

/** Whether a class that it extends is an AggregateError, of whatever realm. */
export function isAggregate(thrown: unknown): boolean {
  if (!isError(thrown)) return false
  for (let level: object | null = thrown; level !== null; level = Object.getPrototypeOf(level)) {
    if (Object.getOwnPropertyDescriptor(level, 'name')?.value === 'AggregateError') return true
  }
  return false
}

/** Never throws. */
export function messageOf(thrown: unknown): string {
  const own = read(thrown, 'message') // of anything: `throw { code, message }` is written, too
  const message = isError(thrown) || typeof own === 'string' ? own : thrown
  try {
    return boundedText(typeof message === 'bigint' ? printedBigInt(message) : String(message))
  } catch {
    return '(what was thrown cannot be printed)'
  }
}

/** A property of anything, undefined when there is none or its getter throws. */
export function read(owner: unknown, name: string): unknown {
  if ((typeof owner !== 'object' && typeof owner !== 'function') || owner === null) return undefined
  try {
    return (owner as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
}
