import { types } from 'node:util'
import { isError } from '../brand'
import { IpcError } from '../errors'
import { notYet } from '../unimplemented'
import { isClass } from './plain'
import { maxDepth } from './wire'

/** A value has no form on the wire. Each container on the way out adds its step, the innermost first. */
export class Refused extends Error {
  readonly steps: string[] = []
  readonly holders: object[] = []
  constructor(
    reason: string,
    readonly kind: 'value' | 'later' | 'too deep' | 'too large' = 'value',
    /** What the user's own code threw. */
    readonly origin?: unknown,
  ) {
    super(reason)
  }
}

/** What a container throws on when one of its values was refused, or when the user's getter for it threw. */
export function inside(thrown: unknown, step: string, holder: object): Refused {
  const refused = asRefused(thrown)
  refused.steps.push(step)
  refused.holders.push(holder)
  return refused
}

export function nestedTooDeep(): Refused {
  return new Refused(`nested more than ${maxDepth} levels deep`, 'too deep')
}

/** The error that the user sees; `root` names the value, as in `args[0]`. */
export function explain(thrown: unknown, root: string): IpcError {
  const refused = asRefused(thrown)
  const steps = refused.steps.reverse()
  const path = (length: number) => root + steps.slice(0, length).join('')
  if (refused.kind === 'too large') return new IpcError('resource_exhausted', `${root}: ${refused.message}`)
  if (refused.kind === 'too deep') {
    const cycle = findCycle(refused.holders.reverse())
    const reason = cycle ? `refers back to ${path(cycle.first)}: a cycle cannot be sent` : `is ${refused.message}`
    return new IpcError('invalid_argument', `${cycle ? path(cycle.again) : `${path(4)}...`} ${reason}`)
  }
  const options = refused.origin === undefined ? undefined : { cause: refused.origin }
  const message = `${path(steps.length)} cannot be sent: ${refused.message}`
  return new IpcError(refused.kind === 'later' ? 'unimplemented' : 'invalid_argument', message, undefined, options)
}

function asRefused(thrown: unknown): Refused {
  return thrown instanceof Refused ? thrown : new Refused(`reading it threw ${shown(thrown)}`, 'value', thrown)
}

/** Where in a chain of containers, the outermost first, one comes again. */
function findCycle(holders: readonly object[]): { first: number; again: number } | undefined {
  const seen = new Map<object, number>()
  for (const [again, holder] of holders.entries()) {
    const first = seen.get(holder)
    if (first !== undefined) return { first, again }
    seen.set(holder, again)
  }
  return undefined
}

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

/** How a property, or a Map's value, is named in a path. */
export function member(key: unknown): string {
  if (typeof key === 'string') return identifier.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
  return typeof key === 'object' && key !== null ? '[an object key]' : `[${String(key)}]`
}

/** The refusal of a value of a kind that the encoder does not know: why, and what to send instead. */
export function refusalOf(value: unknown): Refused {
  const reason = comesLater(value)
  return reason === undefined ? new Refused(whyNever(value)) : new Refused(reason, 'later')
}

function comesLater(value: unknown): string | undefined {
  if (typeof value === 'function')
    return isClass(value) ? undefined : `a function (${nameOf(value)}): ${notYet.callbacks}`
  if (typeof value !== 'object' || value === null) return undefined
  if (isError(value)) return `an Error: ${notYet.errors}`
  if (ArrayBuffer.isView(value)) return `a typed array: ${notYet.arrays}; send a Buffer or Array.from(value)`
  if (isStream(value)) return `an iterator: ${notYet.streams}; send an array`
  return undefined
}

function whyNever(value: unknown): string {
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value === 'function') return `a class (${nameOf(value)})`
  const object = value as object
  if (types.isPromise(object)) return 'a promise: await it first'
  if (types.isWeakMap(object) || types.isWeakSet(object)) return 'a weak collection'
  if (types.isRegExp(object)) return 'a regular expression: send its source'
  if (types.isBoxedPrimitive(object)) return 'a boxed primitive: send value.valueOf()'
  return `an instance of ${nameOf(object.constructor)}: send a plain object, such as { ...value }`
}

function isStream(value: object): boolean {
  if (types.isPromise(value)) return false // a Call is iterable, too, but is to be awaited
  const candidate = value as { next?: unknown; [Symbol.asyncIterator]?: unknown }
  return typeof candidate.next === 'function' || typeof candidate[Symbol.asyncIterator] === 'function'
}

function nameOf(value: unknown): string {
  if (typeof value !== 'function') return 'a class without a name'
  const { name } = value
  return typeof name === 'string' && name !== '' ? name : 'anonymous'
}

function shown(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return 'something that cannot be printed'
  }
}
