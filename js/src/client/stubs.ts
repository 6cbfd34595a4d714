import { inspect } from 'node:util'
import { IpcError, trimmed } from '../errors'
import { getNumber, setNumber } from '../references/owned'
import { type Arriving, sides } from '../references/sides'
import { Referenced, standFor } from '../values'
import { type Call, rejectedCall } from './call'
import type { Client } from './client'
import { type How, isShown } from './member'
import { Received } from './received'
import { noSettings, type Settings } from './settings'

/** What stands behind a stub: the reference, and what withOptions, notify or sync has set. */
export interface StubHandle {
  received: Received
  settings: Settings | undefined
  how: How
  /** What has arrived, which gives the reference back when it is collected: a view and each method keep it. */
  arrived: object | undefined
}

type Stub = ((...args: unknown[]) => unknown) | Record<string, (...args: unknown[]) => unknown>

const handles = new WeakMap<object, StubHandle>()

/** The handle of what stands for a function or an object of the other side's; undefined of anything else. */
export function stubHandle(value: unknown): StubHandle | undefined {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' ? handles.get(value) : undefined
}

/** The same reference with other settings. */
export function stubView(stub: object, change: Partial<Pick<StubHandle, 'settings' | 'how'>>): object {
  return stubOf({ ...(handles.get(stub) as StubHandle), ...change })
}

function stubOf(handle: StubHandle): object {
  const { names } = handle.received
  const stub = names === undefined ? functionStub(handle) : objectStub(handle, names)
  handle.arrived ??= stub
  handles.set(stub, handle)
  return stub
}

function functionStub(handle: StubHandle): Stub {
  const callback = memberOf(handle, 0)
  return Object.setPrototypeOf(callback, handle.received.isRetained ? retainedPrototype : callbackPrototype) as Stub
}

/** Its properties are the object's methods, so what JavaScript asks for goes by symbols, on a prototype. */
function objectStub(handle: StubHandle, names: readonly string[]): Stub {
  const stub = Object.create(objectPrototype) as Record<string, (...args: unknown[]) => unknown>
  for (const [number, name] of names.entries()) {
    if (!isShown(name) || Object.hasOwn(stub, name)) continue
    const member = memberOf(handle, number)
    Object.defineProperty(member, 'name', { value: name })
    Object.defineProperty(stub, name, { value: member, enumerable: true })
  }
  const attributes = {
    get: (name: unknown) => getAttribute(stub, name as string),
    set: (name: unknown, value: unknown) => setAttribute(stub, name as string, value),
  }
  standFor(stub, new Referenced(stub, true, Object.keys(stub), attributes)) // wherever it is passed on to
  return stub
}

function memberOf(handle: StubHandle, number: number): (...args: unknown[]) => unknown {
  // They keep the handle, and by it the reference.
  switch (handle.how) {
    case 'call':
      return (...args) => handle.received.call(number, args, handle.settings)
    case 'notify':
      return (...args) => trimmed(() => handle.received.notify(number, args, handle.settings))
    case 'block':
      return (...args) => trimmed(() => handle.received.callBlocking(number, args, handle.settings ?? noSettings))
  }
}

export function getAttribute(stub: object, name: string): Call<unknown> {
  return attributeCall(stub, getNumber, [name])
}

export function setAttribute(stub: object, name: string, value: unknown): Call<unknown> {
  return attributeCall(stub, setNumber, [name, value])
}

function attributeCall(stub: object, number: number, args: unknown[]): Call<unknown> {
  const handle = handles.get(stub)
  if (handle?.received.names === undefined) {
    throw new IpcError(
      'invalid_argument',
      'attributes are those of an object that the other side has passed by reference',
    )
  }
  if (typeof args[0] !== 'string') throw new IpcError('invalid_argument', 'the name of an attribute is a string')
  return handle.received.call(number, args, handle.settings)
}

/** Calls an object's method, by whatever name. */
export function callStub(handle: StubHandle, name: string, args: readonly unknown[]): unknown {
  const number = handle.received.names?.indexOf(name) ?? -1
  if (number < 0) {
    const hint = `ipc.getAttribute(object, '${name}') reads an attribute`
    const error = new IpcError('unimplemented', `the remote object has no method ${name}(); ${hint}`)
    if (handle.how === 'call') return rejectedCall(error)
    throw error
  }
  return memberOf(handle, number)(...args)
}

/** Gives a reference back, unless it ends with its call by itself. Whether it was one. */
export function releaseStub(value: unknown): boolean {
  const handle = stubHandle(value)
  handle?.received.release()
  return handle !== undefined
}

function describe(stub: object, what: string): string {
  const state = handles.get(stub)?.received.state
  return `[${what}${state === undefined ? '' : ` (${state})`}]`
}

function shown(what: string): PropertyDescriptor {
  return {
    value(this: object) {
      return describe(this, what)
    },
  }
}

function disposes(): PropertyDescriptorMap {
  const { dispose } = Symbol as { dispose?: symbol }
  if (dispose === undefined) return {}
  return {
    [dispose]: {
      value(this: object) {
        releaseStub(this)
      },
    },
  }
}

const callbackPrototype: object = Object.create(Function.prototype, { [inspect.custom]: shown('Callback') })
const retainedPrototype: object = Object.create(Function.prototype, {
  [inspect.custom]: shown('Callback, retained'),
  ...disposes(),
})
const objectPrototype: object = Object.create(null, {
  [Symbol.toPrimitive]: shown('Reference'),
  [Symbol.toStringTag]: { value: 'Reference' },
  [inspect.custom]: {
    value(this: object, depth: number | null, options: object) {
      const described = describe(this, 'Reference')
      return depth !== null && depth < 0 ? described : `${described} ${inspect({ ...this }, { ...options, depth })}`
    },
  },
  ...disposes(),
})

sides.makeStub = ({ connection, id, names, caller, decoding }: Arriving) => {
  const client = (caller ?? sides.passerOver(connection, decoding)) as Client | undefined
  const arrived = new Received(client, connection, id, names)
  return { stub: stubOf({ received: arrived, settings: undefined, how: 'call', arrived: undefined }), arrived }
}
