/** The members of a remote service: what the proxy of it shows. */
export type Member = (...args: unknown[]) => unknown
export type Tree = { [name: string]: Member | Tree }

export function hasMethod(tree: Tree, name: string): boolean {
  return typeof Object.getOwnPropertyDescriptor(tree, name)?.value === 'function'
}

/** Writable and configurable to whoever looks; what may be written is for the handler of the proxy to say. */
export function put(tree: Tree, name: string, value: Member | Tree): void {
  Object.defineProperty(tree, name, { value, enumerable: true, configurable: true, writable: true })
}
