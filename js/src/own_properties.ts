const objectPrototype = Object.prototype
const farIndex = '100000'

/**
 * Sets an own property, whatever its name: plain assignment would call __proto__'s setter, and fail for names that a frozen
 * Object.prototype has.
 */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key in objectPrototype) {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  } else object[key] = value
}

/** Whether it is an array index for which V8 would make room for many more elements than an object of `count` keys has. */
export function isFarIndex(key: string, count: number): boolean {
  return key.length <= 4 && Number(key) > 16 + 4 * count
}

/** Has V8 keep the object's elements in a hash table: `{ "1000": null }` would take 12 kB, and a message may hold a million of it. */
export function spreadElements(object: Record<string, unknown>): void {
  object[farIndex] = null
  delete object[farIndex]
}

/** An object for properties of these names. */
export function objectFor(names: readonly string[]): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  if (names.some(name => isFarIndex(name, names.length))) spreadElements(object)
  return object
}
