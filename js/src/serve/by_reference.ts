import { inspect, types } from 'node:util'
import { IpcError } from '../errors'
import { getNumber, setNumber } from '../references/owned'
import { type Proxied, putStand, standOf, targetOf } from '../references/retained'
import { type Attributes, isClass, messageOf, Referenced, referencedBy } from '../values'
import { type AnyFunction, type Method, maxMethods, membersOf } from './exposure'
import { signatureOf } from './signature'

/** Of each reference its methods by their numbers. */
const methods = new WeakMap<Referenced, Method[]>()

/**
 * `object` by reference, in arguments and results: the other side has an object with its methods, and calls them here. The same
 * object is the same reference. It keeps the process alive from when it is passed until it is released, here or by all who have
 * it, or their connections have ended.
 *
 * Throws 'invalid_argument' for what is no object.
 */
export function proxy<T extends object>(object: T): Proxied<T> {
  if (typeof object === 'function')
    throw isClass(object) ? refusal('of a class pass new TheClass()') : refusal('a function travels as it is')
  if (typeof object !== 'object' || object === null) throw refusal('anything else travels as a value')
  // What the other side has passed by reference is so already.
  if (referencedBy(object)?.attributes !== undefined) return object as unknown as Proxied<T>
  const target = targetOf(object)
  return (standOf(target) ?? standObject(target)) as Proxied<T>
}

function refusal(what: string): IpcError {
  return new IpcError('invalid_argument', `proxy() takes an object: ${what}`)
}

function standObject(object: object): object {
  const found = methodsIn(object)
  if (found.length > maxMethods) throw refusal(`this one has more than ${maxMethods} methods`)
  const referenced = new Referenced(
    object,
    true,
    found.map(([name]) => name),
  )
  methods.set(
    referenced,
    found.map(([name, fn]) => methodOf(name, fn, object)),
  )
  const stand = Object.create(standPrototype) as object
  putStand(stand, referenced)
  return stand
}

function methodsIn(object: object): [name: string, fn: AnyFunction][] {
  try {
    return [...membersOf(object)].filter((member): member is [string, AnyFunction] => isExposed(...member))
  } catch (error) {
    throw refusal(`this one cannot be read: ${messageOf(error)}`)
  }
}

const standPrototype = Object.create(null, {
  [Symbol.toStringTag]: { value: 'Proxied' },
  [inspect.custom]: {
    value(this: object, _depth: number, options: object) {
      const referenced = referencedBy(this) as Referenced
      return `[Proxied${referenced.isReleased ? ' (released)' : ''} ${inspect(referenced.target, { ...options, depth: 0 })}]`
    },
  },
})

function isExposed(name: string, value: unknown): boolean {
  return name !== '' && !name.startsWith('_') && typeof value === 'function' && !isClass(value)
}

function methodOf(name: string, fn: AnyFunction, self: unknown): Method {
  const isAsync = types.isAsyncFunction(fn) ? true : undefined
  return { name, fn, self, serial: false, isAsync, most: Number.POSITIVE_INFINITY, signature: () => signatureOf(fn) }
}

function plainMethodOf(name: string, fn: AnyFunction): Method {
  return { ...methodOf(name, fn, undefined), isAsync: false }
}

/** What a call of a reference runs; undefined when there is nothing by that number. */
export function methodAt(referenced: Referenced, number: number): Method | undefined {
  let known = methods.get(referenced)
  if (known === undefined) {
    known = methodsOf(referenced)
    methods.set(referenced, known)
  }
  return known[number] ?? attributeMethod(referenced, number)
}

function attributeMethod(referenced: Referenced, number: number): Method | undefined {
  const { target, names, attributes = attributesOf(target) } = referenced
  if (names === undefined) return undefined
  if (number === getNumber) return plainMethodOf('getAttribute', attributes.get)
  return number === setNumber ? plainMethodOf('setAttribute', attributes.set) : undefined
}

/** Of a function, and of another side's object that is passed on. */
function methodsOf({ target, names }: Referenced): Method[] {
  if (names === undefined) {
    const fn = target as AnyFunction
    return [{ ...methodOf('callback', fn, undefined), shownAs: ownNameOf(fn) }]
  }
  return names.map(name => methodOf(name, (target as Record<string, AnyFunction>)[name] as AnyFunction, target))
}

/** Asking a Proxy would run somebody's traps. */
function ownNameOf(fn: AnyFunction): string | undefined {
  const name: unknown = types.isProxy(fn) ? undefined : Object.getOwnPropertyDescriptor(fn, 'name')?.value
  return typeof name === 'string' && name !== '' ? name : undefined
}

/** The properties of an object of this side's. */
function attributesOf(object: object): Attributes {
  const get = (name: unknown) => expectAttribute(object as Properties, name)
  const set = (name: unknown, value: unknown) => {
    get(name)
    if (Reflect.set(object, name as string, value)) return
    throw new IpcError('permission_denied', `the attribute '${String(name)}' cannot be set: it is read-only`)
  }
  return { get, set }
}

type Properties = Record<string, unknown>

/** The value of a property that is no method. */
function expectAttribute(object: Properties, name: unknown): unknown {
  if (typeof name !== 'string') throw new IpcError('invalid_argument', 'the name of an attribute is a string')
  if (name.startsWith('_'))
    throw new IpcError('permission_denied', `the attribute '${name}' is private: it begins with _`)
  if (!(name in object)) throw new IpcError('not_found', `the object has no attribute '${name}'`)
  const value = object[name]
  if (typeof value === 'function')
    throw new IpcError('permission_denied', `'${name}' is a method, not an attribute: call it`)
  return value
}
