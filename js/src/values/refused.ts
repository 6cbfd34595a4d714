import { types } from 'node:util'
import { IpcError } from '../errors'
import { cut, printed } from '../printed'
import { maxDepth } from './wire'

/** A value has no form on the wire. Each container on the way out adds its step, the innermost first. */
export class Refused extends Error {
  readonly steps: string[] = []
  readonly holders: object[] = []
  constructor(
    reason: string,
    readonly kind: 'value' | 'later' | 'missing' | 'too deep' | 'too large' = 'value',
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

const codes = { value: 'invalid_argument', later: 'unimplemented', missing: 'failed_precondition' } as const

/** The error that the user sees; `root` names the value, as in `args[0]`. */
export function explain(thrown: unknown, root: string): IpcError {
  const refused = asRefused(thrown)
  const steps = refused.steps.reverse()
  const path = (length: number) => root + steps.slice(0, length).join('')
  const options = refused.origin === undefined ? undefined : { cause: refused.origin }
  if (refused.kind === 'too large') {
    return new IpcError('resource_exhausted', `${root}: ${refused.message}`, undefined, options)
  }
  if (refused.kind === 'too deep') {
    const cycle = findCycle(refused.holders.reverse())
    const reason = cycle ? `refers back to ${path(cycle.first)}: a cycle cannot be sent` : `is ${refused.message}`
    return new IpcError('invalid_argument', `${cycle ? path(cycle.again) : `${path(4)}...`} ${reason}`)
  }
  const message = `${path(steps.length)} cannot be sent: ${refused.message}`
  return new IpcError(codes[refused.kind], message, undefined, options)
}

function asRefused(thrown: unknown): Refused {
  if (thrown instanceof Refused) return thrown
  if (isEnginesLimit(thrown)) return new Refused(`no memory for it (${thrown.message})`, 'too large', thrown)
  return new Refused(`reading it threw ${printed(thrown)}`, 'value', thrown)
}

/** Whether the engine threw it because something would be too large for it, or there is no memory. */
export function isEnginesLimit(thrown: unknown): thrown is Error {
  if (!types.isNativeError(thrown)) return false
  const { code } = thrown as { code?: unknown }
  if (code === 'ERR_STRING_TOO_LONG' || code === 'ERR_MEMORY_ALLOCATION_FAILED') return true
  return /^(Array buffer allocation failed|Invalid (array|array buffer|string|typed array) length|Maximum BigInt size|(Map|Set) maximum)/.test(
    thrown.message,
  )
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
const longestKey = 64

/** How a property, or a Map's value, is named in a path. */
export function member(key: unknown): string {
  if (typeof key === 'object' && key !== null) return '[an object key]'
  if (typeof key !== 'string') return `[${cut(printed(key), longestKey)}]`
  const short = cut(key, longestKey)
  return identifier.test(short) ? `.${short}` : `[${JSON.stringify(short)}]`
}
