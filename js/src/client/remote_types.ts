/// <reference lib="esnext.disposable" preserve="true" />
import type { Readable } from 'node:stream'
import type { Proxied } from '../references/retained'
import type { Stream } from '../streams/stream'
import type { Kwargs, NDArray } from '../values'
import type { SyncStream } from './blocking_stream'
import type { Call } from './call'

type AnyFunction = (...args: never[]) => unknown

type Arguments<F> = F extends (...args: infer A) => unknown ? { [I in keyof A]: Passed<A[I]> } : never

/** What a caller passes for a parameter of type P: a function may be asynchronous, whatever the handler sees of it. */
type Passed<P> = 0 extends 1 & P
  ? P
  : P extends Reference<infer T>
    ? Proxied<T>
    : P extends (...args: infer A) => infer R
      ? (...args: A) => Returned<R>
      : P

/** What such a function may return: where nothing is done with it, anything, as to TypeScript elsewhere. */
// biome-ignore lint/suspicious/noConfusingVoidType: the question is whether R is void
type Returned<R> = void extends R ? unknown : Awaited<R> | PromiseLike<Awaited<R>>

/** A function of the other side's, as who was passed it has it: each call returns a Call. */
export type Callback<F extends AnyFunction> = (...args: Arguments<F>) => Call<Result<F>>

declare const referred: unique symbol

/** An object that the other side has passed by reference: its methods, as those of a service. */
export type Reference<T extends object> = Remote<T> &
  Disposable & {
    /** For the compiler alone. */
    readonly [referred]: T
  }

/** The arguments with keyword ones in place of trailing ones: `(1, kwargs({ b: 2 }))`. */
type WithKwargs<A extends readonly unknown[]> = number extends A['length']
  ? [...A, Kwargs]
  :
      | [Kwargs]
      | (A extends [] ? never : A extends [_?: infer First, ...rest: infer Rest] ? [First, ...WithKwargs<Rest>] : never)

type Result<F> = F extends (...args: never[]) => infer R ? Received<Awaited<R>> : never

/** What arrives of a result of type R. */
type Received<R> = 0 extends 1 & R
  ? R
  : R extends Proxied<infer T extends object>
    ? Reference<T>
    : R extends AnyFunction
      ? Callback<R> & Disposable
      : R extends Readable
        ? Stream<unknown>
        : R extends ReadableStreamOf<infer Item>
          ? Stream<Item>
          : R extends string | Value
            ? R
            : R extends AsyncIterable<infer Item> | Iterable<infer Item>
              ? Stream<Item>
              : R

/** The ReadableStream of Node.js's types and of the DOM's. */
type ReadableStreamOf<Item> = { getReader(): { read(): Promise<{ done: boolean; value?: Item | undefined }> } }

/** A Table or RecordBatch of apache-arrow, whose own types programs may not have. */
export type Rows = { readonly numRows: number; readonly numCols: number; getChildAt(index: number): unknown }

/** Objects that are values. Types do not tell an instance of a user's class, another value, from a namespace. */
type Value =
  | Date
  | RegExp
  | Error
  | Promise<unknown>
  | readonly unknown[]
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | WeakMap<object, unknown>
  | WeakSet<object>
  | ArrayBuffer
  | ArrayBufferView
  | NDArray<unknown>
  | Rows
  | AbortController
  | URL

/** K where T offers a method or a namespace by that name, perhaps not always. */
type Offered<T, K extends keyof T> = K extends `_${string}` | symbol
  ? never
  : NonNullable<T[K]> extends (...args: never[]) => unknown
    ? K
    : NonNullable<T[K]> extends Value
      ? never
      : NonNullable<T[K]> extends object
        ? K
        : never

/** `any` where M is any: a conditional type would make a union of it, which nobody can call. */
type UnlessAny<M, Otherwise> = 0 extends 1 & M ? M : Otherwise

/** Whether M is written as a caller has it: then nothing of it, such as type parameters and overloads, need be lost. */
type ReturnsCall<M> = M extends (...args: never[]) => infer R
  ? 0 extends 1 & R // any
    ? false
    : [R] extends [never]
      ? false
      : [R] extends [Call<unknown>]
        ? true
        : false
  : false

type RemoteMember<M> = M extends undefined | null
  ? undefined
  : M extends (...args: never[]) => unknown
    ? ReturnsCall<M> extends true
      ? ((...args: WithKwargs<Arguments<M>>) => Call<Result<M>>) & M
      : (...args: Arguments<M> | WithKwargs<Arguments<M>>) => Call<Result<M>>
    : Remote<M>

type NotifierMember<M> = M extends undefined
  ? undefined
  : M extends (...args: infer A) => unknown
    ? (...args: A) => boolean
    : Notifier<M>

/** The methods of T as a caller in another process has them: each returns a Call. */
export type Remote<T> = {
  readonly [K in keyof T as Offered<T, K>]: UnlessAny<T[K], RemoteMember<T[K]>>
}

/** The methods of T as notifications: sent, never answered. */
export type Notifier<R> = {
  readonly [K in keyof R]: UnlessAny<R[K], NotifierMember<R[K]>>
}

declare const blocks: unique symbol

/** What sync() gives. */
export interface Blocking {
  /** For the compiler alone. */
  readonly [blocks]: true
}

/** What a thread gets that waits for it: a promise's value, the items of a stream one after the other. */
type Settled<R> = Awaited<R> extends Stream<infer Item> ? SyncStream<Item> : Awaited<R>

type SynchronousMember<M> = M extends undefined
  ? undefined
  : M extends (...args: infer A) => infer R
    ? (...args: A) => Settled<R>
    : Synchronous<M>

/** The methods of R, a service or a callback, for calls that block the thread until they are over. */
export type Synchronous<R> = Blocking &
  (R extends (...args: infer A) => infer Result
    ? (...args: A) => Settled<Result>
    : { readonly [K in keyof R as K extends symbol ? never : K]: UnlessAny<R[K], SynchronousMember<R[K]>> })
