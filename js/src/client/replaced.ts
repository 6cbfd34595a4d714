import { hasMethod, type Member, put, type Tree } from './tree'

/** Of each tree what stood where something else has been put, mostly by a test, as `jest.spyOn` does. */
const originals = new WeakMap<Tree, Map<string, Member>>()

/** Nobody looks for replacements before there are any. */
let isAny = false

/** Whether somebody has put another function in the place of a method. */
export function isReplaced(tree: Tree, name: string): boolean {
  return isAny && originals.get(tree)?.has(name) === true
}

function refuse(key: PropertyKey): never {
  throw new TypeError(
    `a remote service cannot be changed from here: '${String(key)}': what can be replaced is a method, by a function`,
  )
}

/**
 * Puts a function in the place of a method, for the service's proxy and all views of it. What stood there, or `own`, the same
 * method as a view has it, ends that. Throws TypeError for anything else.
 */
export function replace(tree: Tree, key: PropertyKey, value: unknown, own?: unknown): true {
  if (typeof key !== 'string' || typeof value !== 'function') return refuse(key)
  const original = originals.get(tree)?.get(key)
  if (value === own || value === original) return restore(tree, key)
  if (!hasMethod(tree, key)) return refuse(key)
  if (value === tree[key]) return true
  if (original === undefined) keep(tree, key, tree[key] as Member)
  put(tree, key, value as Member)
  return true
}

function keep(tree: Tree, name: string, method: Member): void {
  isAny = true
  const kept = originals.get(tree) ?? new Map<string, Member>()
  originals.set(tree, kept.set(name, method))
}

function restore(tree: Tree, name: string): true {
  const original = originals.get(tree)?.get(name)
  originals.get(tree)?.delete(name)
  // The service may have come back without this method.
  if (original !== undefined && hasMethod(tree, name)) put(tree, name, original)
  return true
}

/** As `Object.defineProperty`, for a value. */
export function redefine(tree: Tree, key: PropertyKey, { get, set, value }: PropertyDescriptor, own?: unknown): true {
  return get === undefined && set === undefined ? replace(tree, key, value, own) : refuse(key)
}

/** As `delete`, which puts back what stood there. */
export function remove(tree: Tree, key: PropertyKey): true {
  return typeof key === 'string' && isReplaced(tree, key) ? restore(tree, key) : refuse(key)
}

export { refuse }
