import { IpcError, RemoteError } from './errors'
import { show } from './shown'

/** A class whose instances are errors. */
export type ErrorClass = abstract new (...args: never[]) => Error

/** By the names under which they travel. */
const classes = new Map<string, ErrorClass>()
/** Of the classes, by their prototypes. */
const names = new WeakMap<object, string>()

/**
 * Has an error class arrive as itself, by the name under which it travels: that of the class, unless another is given. Returns
 * the class. To be called on both sides, in Python as `register_error`.
 *
 * What arrives is made without a call of the constructor: its own enumerable properties there are its own here, except those
 * that every error has (`name`, `cause` …); fields that are private, or that did not travel, are missing. `code` and
 * `remoteStack` are set where the class and the error have nothing of these names.
 *
 * Throws 'invalid_argument' for what is no class of errors, or has no name, 'already_exists' where the name is that of another
 * class.
 */
export function registerError<C extends ErrorClass>(errorClass: C, name?: string): C {
  const given: unknown = errorClass
  if (!isErrorClass(given)) {
    throw new IpcError('invalid_argument', `registerError() takes a class that extends Error, not ${show(given)}`)
  }
  if (given === RemoteError || given.prototype instanceof RemoteError) {
    throw new IpcError('invalid_argument', 'registerError() takes no RemoteError: extend IpcError, or Error')
  }
  const travelsAs: unknown = name ?? given.name
  if (typeof travelsAs !== 'string' || travelsAs === '') {
    const message = `the name of an error class is a string, not ${show(travelsAs)}: registerError(Class, 'Name')`
    throw new IpcError('invalid_argument', message)
  }
  const taken = classes.get(travelsAs)
  if (taken !== undefined && taken !== given) {
    const message = `'${travelsAs}' is the name of another class: give registerError() another one`
    throw new IpcError('already_exists', message)
  }
  classes.set(travelsAs, given)
  names.set(given.prototype, travelsAs)
  return errorClass
}

/** Of whatever realm. */
function isErrorClass(value: unknown): value is ErrorClass {
  if (typeof value !== 'function' || typeof value.prototype !== 'object') return false
  for (let level: object | null = value.prototype; level !== null; level = Object.getPrototypeOf(level)) {
    if (Object.hasOwn(level, 'toString') && Object.getOwnPropertyDescriptor(level, 'name')?.value === 'Error')
      return true
  }
  return false
}

/** The name under which an error of this very class travels, if it was registered. Never throws. */
export function registeredName(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined
  try {
    return names.get(Object.getPrototypeOf(thrown))
  } catch {
    return undefined // a Proxy
  }
}

/** An instance of the class of that name, if there is one, which its constructor does not hear of. */
export function makeRegistered(name: string, message: string): Error | undefined {
  const errorClass = classes.get(name)
  if (errorClass === undefined) return undefined
  return Object.setPrototypeOf(new Error(message), errorClass.prototype)
}
