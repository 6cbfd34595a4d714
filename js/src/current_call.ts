import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import type { Metadata } from './metadata'

/** A call that a handler serves: what the calls made meanwhile take over of it. */
export interface CurrentCall {
  /** On the clock of performance.now(); Infinity: none. */
  readonly deadline: number
  /** As they came. */
  readonly metadata: Metadata | undefined
  /**
   * How many calls would wait for one that is made here, each made by the handler of the one before; 0 for a notification, and
   * where nobody waits for this one any more.
   */
  depthFor(isNotification: boolean): number
  /** The metadata of a call that is made here and has none of its own. */
  carriedOn(depth: number): Metadata | undefined
}

/** Any function, called by Reflect.apply only. */
// biome-ignore lint/complexity/noBannedTypes: the user's functions have no type in common
type AnyFunction = Function

/** Of a handler that is known to await nothing: while its synchronous part runs. */
let running: CurrentCall | undefined
/** Some handler is asynchronous. */
let isNeeded = false
let storage: AsyncLocalStorage<CurrentCall> | undefined
/** In its scope nobody's stores are seen; undefined where a scope that is left keeps what was entered in it. */
let outside: AsyncResource | undefined
/** What runs has the stores of where it was passed, which are to be seen. */
let hasStores = false

/** The call that is being served by the code that runs, also after an `await` and in callbacks where its handler is asynchronous. */
export function currentCall(): CurrentCall | undefined {
  return running ?? storage?.getStore()
}

/** Says whose synchronous part runs from now on; undefined: nobody's. Returns whose did before. */
export function enter(next: CurrentCall | undefined): CurrentCall | undefined {
  const before = running
  running = next
  return before
}

/**
 * Runs a function on behalf of a call, with all that it begins. Where Node.js follows promises by hooks (before 24), this slows
 * down every promise of the process from then on.
 */
export function runWith(call: CurrentCall, fn: AnyFunction, self: unknown, args: readonly unknown[]): unknown {
  isNeeded = true
  return tryWith(call, fn, self, args)
}

/** The same of a function that may turn out not to need it, which `endTrial` then says. */
export function tryWith(call: CurrentCall, fn: AnyFunction, self: unknown, args: readonly unknown[]): unknown {
  storage ??= makeStorage()
  if (outside === undefined) return storage.run(call, Reflect.apply, fn, self, args)
  if (hasStores) {
    hasStores = false // what it may wait for is of others
    return storage.run(call, Reflect.apply, fn, self, args)
  }
  return outside.runInAsyncScope(applyIn, undefined, storage, call, fn, self, args)
}

/** Runs handlers in the asynchronous context that a resource has kept. */
export function runInScope(scope: AsyncResource, code: () => void): void {
  const before = hasStores
  hasStores = true
  try {
    scope.runInAsyncScope(code)
  } finally {
    hasStores = before
  }
}

export function endTrial(): void {
  if (!isNeeded && outside === undefined) storage?.disable()
}

/**
 * `AsyncLocalStorage.run` enters twice, the second time to restore what was before, and each time copies all stores. To
 * enter from where there is none, and to leave the scope, takes a fifth of that.
 */
function applyIn(
  store: AsyncLocalStorage<CurrentCall>,
  call: CurrentCall,
  fn: AnyFunction,
  self: unknown,
  args: readonly unknown[],
): unknown {
  store.enterWith(call)
  return Reflect.apply(fn, self, args)
}

/** Jest's `--detectOpenHandles` asks it, as it asks Node.js's own resources, whether it keeps the process alive. */
class Scope extends AsyncResource {
  hasRef(): boolean {
    return false
  }
}

/** To be called first while an event is handled: nobody's stores are there. */
function makeStorage(): AsyncLocalStorage<CurrentCall> {
  const resource = new Scope('ipcbridge', { requireManualDestroy: true })
  const probe = new AsyncLocalStorage<boolean>()
  resource.runInAsyncScope(() => probe.enterWith(true))
  const isLeft = resource.runInAsyncScope(() => probe.getStore()) === undefined
  probe.disable()
  if (isLeft) outside = resource
  return new AsyncLocalStorage<CurrentCall>()
}
