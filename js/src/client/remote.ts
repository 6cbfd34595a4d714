import { inspect } from 'node:util'
import { endpointMark, isMarked, serverMark } from '../brand'
import { IpcError } from '../errors'
import { show } from '../shown'
import type { Client } from './client'
import { fullName, type Handle, isShown, isUnheard, memberOf, unheardIn, unheardMember } from './member'
import { isReplaced, redefine, refuse, remove, replace } from './replaced'
import { hasMethod, type Member, put, type Tree } from './tree'

const mostInspected = 100
const handles = new WeakMap<object, Handle>()

/** The handle of a proxy. `instead` is what to write where a method was given. */
export function handleOf(remote: unknown, instead = 'pass the service itself'): Handle {
  const handle = typeof remote === 'object' && remote !== null ? handles.get(remote) : undefined
  if (handle !== undefined) return handle
  if (isMarked(remote, serverMark)) {
    throw new IpcError(
      'invalid_argument',
      'this is a server: pass what connect() returned, and a server of another copy of ipcbridge to the functions of that copy',
    )
  }
  if (isMarked(remote, endpointMark)) {
    throw new IpcError(
      'invalid_argument',
      'this belongs to another copy of ipcbridge in this process: pass it to the functions of that copy',
    )
  }
  throw new IpcError('invalid_argument', `${nameOf(remote)} is not a service that connect() returned: ${instead}`)
}

function nameOf(value: unknown): string {
  if (typeof value === 'function') return `a function (${value.name || 'without a name'})`
  if (typeof value === 'object' && value !== null) return 'this object'
  const isMissing = value === undefined
  return `${show(value)}${isMissing ? ' (which is what a service gives for a method that it does not offer)' : ''}`
}

/** Methods can be replaced, as by `jest.spyOn`; all else belongs to the other side. */
const handler: ProxyHandler<Tree> = {
  set: (tree, key, value) => replace(tree, key, value),
  defineProperty: (tree, key, descriptor) => redefine(tree, key, descriptor),
  deleteProperty: remove,
  setPrototypeOf: () => refuse('its prototype'),
  preventExtensions: () => refuse('whether it is extensible'),
}

// Symbols cannot name remote methods, so what JavaScript itself asks for goes by symbols, on a prototype.
function addSymbols(tree: Tree, client: Client, name: string): Tree {
  const describe = () => `[Remote ${name}${client.state.current === 'closed' ? ' (closed)' : ''}]`
  const symbols = Object.create(null) as object
  const define = (symbol: symbol | undefined, value: unknown) => {
    if (symbol !== undefined) Object.defineProperty(symbols, symbol, { value })
  }
  define(Symbol.toPrimitive, describe)
  define(Symbol.toStringTag, 'Remote')
  define(endpointMark, true)
  define(inspect.custom, (depth: number | null, options: object) => {
    if (client.state.current === 'closed' || (depth !== null && depth < 0)) return describe()
    return `${describe()} ${inspectMembers(tree, { ...options, depth })}`
  })
  define(Symbol.asyncDispose as symbol | undefined, () => client.close())
  return Object.setPrototypeOf(tree, client.isLazy ? unheardIn(symbols, client) : symbols) as Tree
}

/** The first of them: a service may have tens of thousands. */
function inspectMembers(tree: Tree, options: object): string {
  const names = Object.keys(tree)
  const shown = names.slice(0, mostInspected)
  const more = names.length - shown.length
  const text = inspect(Object.fromEntries(shown.map(name => [name, tree[name]])), options)
  return more === 0 ? text : `${text} and ${more} more`
}

function emptyTree(client: Client, prefix: string): Tree {
  const name = [client.addresses.join(', '), prefix].filter(part => part !== '').join(' ')
  return addSymbols(Object.create(null) as Tree, client, name)
}

/**
 * The proxy of a service. It shows the methods that the service offered when it was last heard of, and follows when
 * a restarted service offers others.
 */
export function makeRemote(client: Client): object {
  const root = emptyTree(client, '')
  const handle: Handle = { client, settings: undefined, how: 'call', prefix: '' }
  client.onMethods = names => update(handle, root, names)
  const remote = wrap(handle, root)
  remotes.set(client, remote)
  return remote
}

const remotes = new WeakMap<Client, object>()

/** The proxy that makeRemote() has made. */
export function remoteOf(client: Client): object | undefined {
  return remotes.get(client)
}

function wrap(handle: Handle, tree: Tree): object {
  const remote = new Proxy(tree, handler)
  handles.set(remote, handle)
  trees.set(remote, tree)
  return remote
}

const trees = new WeakMap<object, Tree>()

/**
 * The namespaces that a tree has, or had, and that somebody has asked for: one that goes and comes back is the same to
 * whoever holds it.
 */
const namespaces = new WeakMap<Tree, Map<string, Tree>>()

function namespaceIn(tree: Tree, name: string, handle: Handle): Tree {
  let known = namespaces.get(tree)
  if (known === undefined) {
    known = new Map()
    namespaces.set(tree, known)
  }
  let namespace = known.get(name)
  if (namespace === undefined) {
    namespace = wrap(handle, emptyTree(handle.client, handle.prefix)) as Tree
    known.set(name, namespace)
  }
  return namespace
}

function update(handle: Handle, tree: Tree, names: readonly string[]): void {
  const offered = byFirstPart(names)
  const known = namespaces.get(tree)
  for (const name of Object.keys(tree)) {
    const namespace = known?.get(name)
    if (namespace !== undefined && offered.get(name) === undefined) updateNamespace(namespace, [])
    if (!offered.has(name)) delete tree[name]
  }
  for (const [name, inner] of offered) {
    const full = fullName(handle, name)
    if (inner === undefined) {
      if (!hasMethod(tree, name)) put(tree, name, memberOf(handle, full))
      continue
    }
    const namespace = known?.get(name)
    if (namespace === undefined) {
      putWhenAsked(tree, name, { ...handle, prefix: full }, inner)
      continue
    }
    put(tree, name, namespace)
    updateNamespace(namespace, inner)
  }
}

/** A namespace that is made when it is asked for: the names of a service may make hundreds of thousands. */
function putWhenAsked(tree: Tree, name: string, handle: Handle, names: readonly string[]): void {
  const get = () => {
    const namespace = namespaceIn(tree, name, handle)
    put(tree, name, namespace)
    updateNamespace(namespace, names)
    return namespace
  }
  Object.defineProperty(tree, name, { get, enumerable: true, configurable: true })
}

function updateNamespace(namespace: Tree, names: readonly string[]): void {
  update(handles.get(namespace) as Handle, trees.get(namespace) as Tree, names)
}

/** The members of a namespace: undefined for a method, the names inside for a namespace. */
function byFirstPart(names: readonly string[]): Map<string, string[] | undefined> {
  const members = new Map<string, string[] | undefined>()
  for (const name of names) {
    const dot = name.indexOf('.', 1)
    const first = dot < 0 ? name : name.slice(0, dot)
    if (!isShown(first)) continue
    if (dot < 0) {
      members.set(first, undefined)
      continue
    }
    const inner = members.get(first)
    if (inner !== undefined) inner.push(name.slice(dot + 1))
    else if (!members.has(first)) members.set(first, [name.slice(dot + 1)])
  }
  return members
}

/** The same methods with other settings. */
export function makeView(remote: object, change: Change): object {
  const handle = { ...handleOf(remote), ...change }
  const tree = trees.get(remote) as Tree
  const view = new Proxy(tree, new ViewHandler(handle, change))
  handles.set(view, handle)
  trees.set(view, tree)
  return view
}

type Change = Partial<Pick<Handle, 'settings' | 'how'>>

/** Made for one call as often as not, so the functions of a view are made when asked for. */
class ViewHandler implements ProxyHandler<Tree> {
  private readonly members = new Map<string, Member | object>()

  constructor(
    private readonly handle: Handle,
    private readonly change: Change,
  ) {}

  get(tree: Tree, key: PropertyKey): unknown {
    const member = Reflect.get(tree, key) as Member | Tree | undefined
    if (typeof key !== 'string' || member === undefined || isReplaced(tree, key)) return member
    return this.own(key, member)
  }

  private own(name: string, member: Member | Tree): Member | object {
    const known = this.members.get(name)
    if (known !== undefined && typeof known === typeof member && isUnheard(known) === isUnheard(member)) return known
    const full = fullName(this.handle, name)
    const made = this.make(full, member)
    this.members.set(name, made)
    return made
  }

  private make(full: string, member: Member | Tree): Member | object {
    if (typeof member !== 'function') return makeView(member, this.change)
    return isUnheard(member) ? unheardMember(this.handle, full) : memberOf(this.handle, full)
  }

  getOwnPropertyDescriptor(tree: Tree, key: PropertyKey): PropertyDescriptor | undefined {
    const descriptor = Reflect.getOwnPropertyDescriptor(tree, key)
    if (descriptor === undefined) return undefined
    return { value: this.get(tree, key), enumerable: true, configurable: true, writable: true }
  }

  set(tree: Tree, key: PropertyKey, value: unknown): boolean {
    return replace(tree, key, value, this.members.get(key as string))
  }

  defineProperty(tree: Tree, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
    return redefine(tree, key, descriptor, this.members.get(key as string))
  }

  deleteProperty(tree: Tree, key: PropertyKey): boolean {
    return remove(tree, key)
  }

  setPrototypeOf(): never {
    return refuse('its prototype')
  }

  preventExtensions(): never {
    return refuse('whether it is extensible')
  }
}
