import { trimmed } from '../errors'
import type { Client } from './client'
import { noSettings, type Settings } from './settings'
import type { Member } from './tree'

/** What calling a method does: it sends a call, sends a notification, or blocks the thread until the call is over. */
export type How = 'call' | 'notify' | 'block'

/** What stands behind a proxy: its client, and what withOptions, notify or sync has set. */
export interface Handle {
  client: Client
  settings: Settings | undefined
  how: How
  /** The namespace that the proxy is of; '' for the whole service. */
  prefix: string
}

export function fullName(handle: Handle, name: string): string {
  return handle.prefix === '' ? name : `${handle.prefix}.${name}`
}

export function memberOf(handle: Handle, name: string): Member {
  const { client, settings } = handle
  // Of those that are called only: a service may offer tens of thousands.
  let known: number | undefined
  const method = () => {
    known ??= client.methodNumber(name)
    return known
  }
  const member = callerOf(handle.how, client.entry, method, settings)
  Object.defineProperty(member, 'name', { value: name })
  return member
}

function callerOf(how: How, entry: Client['entry'], method: () => number, settings: Settings | undefined): Member {
  switch (how) {
    case 'call':
      return (...args) => entry.call(method(), args, settings)
    case 'notify':
      return (...args) => trimmed(() => entry.notify(method(), args, settings))
    case 'block':
      return (...args) => trimmed(() => entry.callBlocking(method(), args, settings ?? noSettings))
  }
}

// `then` and `toJSON` stay out: whatever awaits the proxy (connect() first), or prints it as JSON, would call them.
export function isShown(name: string): boolean {
  return name !== 'then' && name !== 'toJSON' && !name.startsWith('_')
}

/** What a service may have by some name, a method or a namespace: nothing has been heard of it yet. */
const unheard = new WeakSet<object>()

export function isUnheard(member: object): boolean {
  return unheard.has(member)
}

/** Can be called, and has whatever is asked for inside it. */
export function unheardMember(handle: Handle, full: string): Member {
  const inner = new Map<string, Member>()
  const member = new Proxy(memberOf(handle, full), {
    get(method, key) {
      if (typeof key !== 'string' || key in method || !isShown(key)) return Reflect.get(method, key)
      const found = inner.get(key) ?? unheardMember(handle, `${full}.${key}`)
      inner.set(key, found)
      return found
    },
  })
  unheard.add(member)
  return member
}

/** A prototype that has, until the client has heard of its service, whatever is asked for. */
export function unheardIn(symbols: object, client: Client): object {
  const members = new Map<string, Member>()
  const handle: Handle = { client, settings: undefined, how: 'call', prefix: '' }
  return new Proxy(symbols, {
    get(target, key) {
      if (typeof key !== 'string' || !client.isUnheard || !isShown(key)) return Reflect.get(target, key)
      const found = members.get(key) ?? unheardMember(handle, key)
      members.set(key, found)
      return found
    },
  })
}
