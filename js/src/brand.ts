import { types } from 'node:util'

/**
 * Marks what this library makes, so that another copy of it, or one in another realm, knows it: npm may install the library
 * twice, and Jest loads it anew for each test file, and `instanceof` knows only what its own copy has made.
 */
export function brand(name: string): symbol {
  return Symbol.for(`ipcbridge.${name}`)
}

/** Gives every instance of a class the mark. */
export function markInstances(type: { prototype: object }, mark: symbol): void {
  Object.defineProperty(type.prototype, mark, { value: true })
}

/** Whether an object has the mark. Never throws. */
export function isMarked(value: unknown, mark: symbol): boolean {
  if (typeof value !== 'object' || value === null) return false
  try {
    return (value as Record<symbol, unknown>)[mark] === true
  } catch {
    return false // a Proxy
  }
}

/** Of proxies of services, and of servers. Each belongs to the copy that has made it. */
export const endpointMark = brand('Endpoint')

/** Of servers alone. */
export const serverMark = brand('Server')

/** Whether anything is an Error, or a DOMException, of whatever realm: every error of `fs` is of another in Jest. Never throws. */
export function isError(thrown: unknown): thrown is Error {
  if (types.isNativeError(thrown)) return true
  try {
    return thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object DOMException]'
  } catch {
    return false // a Proxy
  }
}

/** Whether it does what an AbortSignal does: those of jsdom and of polyfills are of other classes. Never throws. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false
  try {
    const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
    return (
      typeof aborted === 'boolean' &&
      typeof addEventListener === 'function' &&
      typeof removeEventListener === 'function'
    )
  } catch {
    return false // a Proxy
  }
}
