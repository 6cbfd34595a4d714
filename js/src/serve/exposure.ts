import { EventEmitter } from 'node:events'
import { types } from 'node:util'
import { IpcError, isIpcError } from '../errors'
import { checkKeys, oneOf } from '../options'
import { show } from '../shown'
import { type AnyFunction, isClass, isNDArray, isPlainObject, messageOf } from '../values'
import { declareParameters, type Signature, signatureOf } from './signature'

export type { AnyFunction }

/** A function that callers may call. */
export interface Method {
  name: string
  /** In errors of its arguments, where that is another name: of a callback its function's. */
  shownAs?: string | undefined
  fn: AnyFunction
  self: unknown
  /** One at a time, in the order of the calls. */
  serial: boolean
  /** Whether its handler goes on when it has returned; undefined until a first call of a plain function has shown it. */
  isAsync: boolean | undefined
  /** How many positional arguments it surely sees; reading the source may tell that it sees more. */
  most: number
  signature: () => Signature
}

/** The options of `method`. */
export interface MethodOptions {
  /** The names of its parameters, where the source does not tell them (minified code): `name`, `name?`, `...name`. */
  params?: readonly string[]
  /** `true`: one call at a time, in their order, also when it is async. */
  serial?: boolean
}

const maxNesting = 16
/** Objects that refer to each other have paths without number. */
export const maxMethods = 10_000

const serialFunctions = new WeakSet<AnyFunction>()

/**
 * Says about a function what its source does not, for every service that offers it; returns the function.
 *
 * Throws 'invalid_argument' when an option is wrong.
 */
export function method<F extends (...args: never[]) => unknown>(fn: F, options: MethodOptions): F {
  if (typeof fn !== 'function') throw new IpcError('invalid_argument', 'method() takes a function')
  checkKeys('method', options, ['params', 'serial'])
  if (options.params !== undefined) declareParameters(fn, options.params)
  if (oneOf('serial', options.serial, [true, false], false)) serialFunctions.add(fn)
  return fn
}

/** The methods of what serve() was given, in a stable order: a method's number is its place. */
export function collectMethods(target: unknown): Method[] {
  const methods: Method[] = []
  try {
    const classes: string[] = []
    collect(expectHolder(target), '', { methods, classes }, new Set())
    if (methods.length === 0) {
      const why = classes[0] ?? 'functions only, no getters, classes or names that begin with _'
      throw refusal(`there is nothing to call in what serve() was given: ${why}`)
    }
  } catch (error) {
    throw isIpcError(error) ? error : unreadable(error)
  }
  checkNames(methods)
  return methods
}

function expectHolder(target: unknown): object {
  if (typeof target === 'function') {
    const { name } = target
    if (isClass(target)) throw refusal(`serve() takes an instance: pass new ${name || 'TheClass'}()`)
    throw refusal(`serve() takes an object of functions: pass { ${name || 'name'} }`)
  }
  if (typeof target !== 'object' || target === null) {
    throw refusal(`serve() takes an object of functions, an instance or a module, not ${show(target)}`)
  }
  if (Array.isArray(target)) throw refusal('serve() takes an object of functions, not an array: give each a name')
  return target
}

/** A revoked Proxy, or one whose traps throw. */
function unreadable(cause: unknown): IpcError {
  const message = `what serve() was given cannot be read: ${messageOf(cause)}`
  return new IpcError('invalid_argument', message, undefined, { cause })
}

function refusal(message: string): IpcError {
  return new IpcError('invalid_argument', message)
}

/** `{ 'a.b': f, a: { b: g } }` offers two functions by one name, of which callers could reach only one. */
function checkNames(methods: readonly Method[]): void {
  const names = new Set<string>()
  for (const { name } of methods) {
    if (names.has(name)) throw refusal(`two methods are named ${name}`)
    names.add(name)
  }
}

/** What is found to call, and what to say of classes: they are left out, as modules have them beside what is to be called. */
interface Found {
  methods: Method[]
  classes: string[]
}

function collect(holder: object, prefix: string, found: Found, ancestors: Set<object>): void {
  const { methods, classes } = found
  if (ancestors.has(holder)) return
  if (ancestors.size > maxNesting) {
    throw refusal(`namespaces are nested more than ${maxNesting} deep at '${prefix.slice(0, -1)}'`)
  }
  if (methods.length > maxMethods) {
    throw refusal(
      `there are more than ${maxMethods} methods, at '${prefix}': what is not for callers takes a _ in its name`,
    )
  }
  ancestors.add(holder)
  for (const [name, value] of membersOf(holder)) {
    if (name === '' || name.startsWith('_')) continue
    if (typeof value === 'function') {
      if (isClass(value) || isConstructor(name, value)) {
        classes.push(`${prefix}${name} is a class: pass an instance, new ${value.name || 'TheClass'}()`)
        continue
      }
      methods.push({
        name: prefix + name,
        fn: value,
        self: holder,
        serial: serialFunctions.has(value),
        isAsync: types.isAsyncFunction(value) ? true : undefined,
        most: value.length,
        signature: () => signatureOf(value),
      })
    } else if (isNamespace(value, holder)) {
      collect(value, `${prefix}${name}.`, found, ancestors)
    } else if (types.isMap(holder)) {
      throw refusal(`${prefix}${name} is ${show(value)}, which is no function`)
    }
  }
  ancestors.delete(holder)
}

/**
 * A class as it was written before there was `class`, as those of Node.js's `crypto` are: with a capital letter, and a
 * prototype that has methods or inherits some.
 */
function isConstructor(name: string, fn: AnyFunction): boolean {
  if (!/^[A-Z]/.test(name) || types.isGeneratorFunction(fn)) return false
  const prototype: unknown = Object.getOwnPropertyDescriptor(fn, 'prototype')?.value
  if (typeof prototype !== 'object' || prototype === null) return false
  const above: object | null = Object.getPrototypeOf(prototype)
  return Reflect.ownKeys(prototype).length > 1 || (above !== null && !isRoot(above))
}

/** The data properties of an object and of its prototypes, the nearest first; no getter is evaluated. */
export function membersOf(holder: object): Map<string, unknown> {
  const members = new Map<string, unknown>()
  if (types.isMap(holder)) {
    for (const [name, value] of holder) {
      if (typeof name !== 'string') throw refusal(`the name of a method is a string, not ${show(name)}`)
      members.set(name, value)
    }
    return members
  }
  for (let level: object | null = holder; level !== null && !isRoot(level); level = Object.getPrototypeOf(level)) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (members.has(name) || (name === 'constructor' && level !== holder)) continue
      members.set(name, property.value) // undefined of a getter, which hides what it overrides
    }
  }
  return members
}

/**
 * Where a user's classes end: Object.prototype and its like of other realms, and what a service extends to tell its own
 * process of events, which callers elsewhere must not be able to emit or to unsubscribe from.
 */
function isRoot(level: object): boolean {
  if (level === EventEmitter.prototype || isEventTarget(level)) return true
  return Object.getPrototypeOf(level) === null && Object.hasOwn(level, 'hasOwnProperty')
}

/** Of whatever realm: jsdom has an EventTarget of its own. */
function isEventTarget(level: object): boolean {
  return Object.getOwnPropertyDescriptor(level, Symbol.toStringTag)?.value === 'EventTarget'
}

/**
 * Objects that hold functions by name; where such an object holds it, an instance of a user's class as well. Other objects
 * that an instance holds are its state: a database's client is not to be served because somebody kept it.
 */
function isNamespace(value: unknown, holder: object): value is object {
  if (typeof value !== 'object' || value === null) return false
  return isMapping(holder) || types.isModuleNamespaceObject(holder)
    ? isMapping(value) || isInstance(value)
    : isPlainObject(value)
}

function isMapping(value: object): boolean {
  return types.isMap(value) || isPlainObject(value)
}

function isInstance(value: object): boolean {
  if (types.isProxy(value)) return false // looking at it would run somebody's traps
  if (isNDArray(value)) return false // a value, although it is an instance of a class
  const made = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(value) ?? {}, 'constructor')?.value
  return typeof made === 'function' && isUsersClass(made)
}

/** Neither a class of the engine's, of whatever realm, nor one that every program has. */
function isUsersClass(made: AnyFunction): boolean {
  const isNative = /\[native code\]\s*\}$/.test(Function.prototype.toString.call(made))
  return isClass(made) && !isNative && Reflect.get(globalThis, made.name) !== made
}
