import { types } from 'node:util'
import { endpointMark, isError, isMarked } from '../brand'
import { cut } from '../printed'
import { isArrowVector } from '../tables/shape'
import { notYet } from '../unimplemented'
import { Refused } from './refused'

/** What to send instead of objects that say themselves what they are, in whatever realm: by their Symbol.toStringTag. */
const byTag: Readonly<Record<string, string>> = {
  AbortSignal: 'an AbortSignal: pass it to withOptions(service, { signal })',
  Blob: 'a Blob: send Buffer.from(await blob.arrayBuffer())',
  File: 'a File: send Buffer.from(await file.arrayBuffer())',
  FormData: 'a FormData: send [...form]',
  Headers: 'a Headers: send Object.fromEntries(headers)',
  Request: 'a Request: send Buffer.from(await request.arrayBuffer())',
  Response: 'a Response: send Buffer.from(await response.arrayBuffer())',
  URLSearchParams: 'a URLSearchParams: send String(params)',
  WeakMap: 'a WeakMap, whose entries cannot be listed: keep a Map, and send that',
  WeakRef: 'a WeakRef: send ref.deref()',
  WeakSet: 'a WeakSet, whose elements cannot be listed: keep a Set, and send that',
}

/** The refusal of a value of a kind that the encoder does not know: why, and what to send instead. */
export function refusalOf(value: unknown): Refused {
  const reason = notYetSent(value)
  return reason === undefined ? new Refused(neverSent(value)) : new Refused(reason, 'later')
}

/** Of kinds that come in a later release. */
function notYetSent(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (isMarked(value, endpointMark)) return 'a service: passing services comes in a later release; send its address'
  if (isError(value)) return `an Error: ${notYet.errors}; send { name: error.name, message: error.message }`
  return undefined
}

/** Of what could travel item by item. */
function asStream(value: object): string | undefined {
  if (has(value, Symbol.asyncIterator)) return 'an async iterable: send ipc.stream(it)'
  if (!has(value, 'next')) return undefined
  const iterable = has(value, Symbol.iterator) ? 'it' : '{ [Symbol.iterator]: () => it }'
  return `an iterator: send its items as a list, [...${iterable}], or one by one, ipc.stream(${iterable})`
}

function neverSent(value: unknown): string {
  if (typeof value === 'symbol') return 'a symbol: send symbol.description'
  if (typeof value === 'function')
    return `a class (${nameOf(value)}): send an instance's fields as a plain object, or an instance by reference, ipc.proxy(it)`
  const object = value as object
  if (types.isPromise(object) || has(object, 'then')) return 'a promise: await it first'
  if (isArrowVector(object)) return 'a Vector of apache-arrow: send new Table({ values: vector })'
  const streamed = asStream(object)
  if (streamed !== undefined) return streamed
  if (types.isRegExp(object)) return 'a regular expression: send regexp.source'
  if (types.isSymbolObject(object)) return 'a boxed symbol: send value.valueOf().description'
  if (types.isBoxedPrimitive(object)) return 'a boxed primitive: send value.valueOf()'
  const tag: unknown = (object as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  const known = typeof tag === 'string' && Object.hasOwn(byTag, tag) ? byTag[tag] : undefined
  return known ?? `an instance of ${nameOf(object.constructor)}: send ${insteadOf(object)}`
}

function insteadOf(instance: object): string {
  if (has(instance, 'toJSON')) return 'value.toJSON()'
  if (has(instance, Symbol.iterator)) return '[...value]'
  return Object.keys(instance).length > 0
    ? 'a plain object, such as { ...value }'
    : 'a plain object of what the other side needs of it'
}

/** Whether an object has a method of that name. */
function has(object: object, name: string | symbol): boolean {
  return typeof (object as Record<string | symbol, unknown>)[name] === 'function'
}

/** The name of a function, or of a class. */
export function nameOf(value: unknown): string {
  if (typeof value !== 'function') return 'a class without a name'
  const { name } = value
  return typeof name === 'string' && name !== '' ? cut(name, 64) : 'anonymous'
}
