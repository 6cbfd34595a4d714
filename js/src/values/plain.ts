/**
 * Whether anything is an object of a literal's kind: its prototype is null or an Object.prototype.
 *
 * Object.prototype of any realm: Jest and `vm` run user code in contexts with an Object of their own. False of a Proxy that
 * was revoked, or that throws.
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  try {
    return hasPlainPrototype(value)
  } catch {
    return false
  }
}

/** The same of an object; throws what a Proxy's traps throw. */
export function hasPlainPrototype(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && 'isPrototypeOf' in prototype
}

/**
 * A class's prototype is read-only; a function's is not unless it is frozen, which its source tells, and arrows and
 * methods have none.
 */
export function isClass(fn: object): boolean {
  const isFixed = Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false
  return isFixed && /^class\b|\[native code\] *}$/.test(Function.prototype.toString.call(fn))
}
