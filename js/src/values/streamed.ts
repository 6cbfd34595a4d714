import { types } from 'node:util'
import { brand, isMarked, markInstances } from '../brand'
import { IpcError } from '../errors'

const sourceMark = brand('StreamSource')
/** Of streams that have arrived. */
export const streamMark = brand('Stream')

type Iterators = { [Symbol.asyncIterator]?: unknown; [Symbol.iterator]?: unknown }

/** What is sent item by item; made by `stream`. Can be iterated here as well. */
export class StreamSource<T> implements AsyncIterable<T> {
  constructor(readonly iterable: AsyncIterable<T> | Iterable<T>) {
    if (!isIterable(iterable)) {
      throw new IpcError('invalid_argument', `stream() takes what can be iterated, not ${kindOf(iterable)}`)
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    yield* this.iterable
  }
}

markInstances(StreamSource, sourceMark)

/**
 * `iterable` as a stream: the other side gets its items one by one, and no list of them. To be passed as an argument, or
 * returned by a handler, anywhere in the value. Generators, Readables and ReadableStreams are streams without this; arrays,
 * Maps, iterators and other iterables only with it. It is read once.
 *
 * Throws 'invalid_argument' for what cannot be iterated.
 */
export function stream<T>(iterable: AsyncIterable<T> | Iterable<T>): StreamSource<T> {
  return new StreamSource(iterable)
}

/** Whether a value travels item by item where it stands. Looks at it, which may run a getter. */
export function isStreamed(value: object): boolean {
  return (
    types.isGeneratorObject(value) ||
    isMarked(value, sourceMark) ||
    isMarked(value, streamMark) ||
    isReadable(value) ||
    isReadableStream(value)
  )
}

/** The object whose items a streamed value's are, when they can be read once; else the value itself. */
export function itemsOf(value: object): object {
  if (!isMarked(value, sourceMark)) return value
  const { iterable } = value as StreamSource<unknown>
  return typeof iterable === 'object' && isStreamed(iterable) ? iterable : value
}

const sentMark = brand('Sent')
const sent = new WeakSet<object>()

/**
 * Whether it is sent for the first time; its items can be sent once. A generator carries a mark of that: to put it into a
 * WeakSet, and to collect it there, would take longer than all else that sending it takes.
 */
export function isSentFirst(items: object): boolean {
  if (types.isGeneratorObject(items) && Object.isExtensible(items)) {
    const marked = items as unknown as Record<symbol, unknown>
    if (Object.hasOwn(marked, sentMark)) return false
    marked[sentMark] = true
    return true
  }
  if (sent.has(items) || Object.hasOwn(items, sentMark)) return false
  sent.add(items)
  return true
}

/** Where the items of a stream come from, once it may begin. */
export interface OpenSource {
  iterator: AsyncIterator<unknown> | Iterator<unknown>
  isAsync: boolean
}

/** Throws what the iterable throws. */
export function openSource(value: object): OpenSource {
  const iterable = isMarked(value, sourceMark) ? (value as StreamSource<unknown>).iterable : value
  const methods = iterable as { [Symbol.asyncIterator]?: () => AsyncIterator<unknown> } & Partial<Iterable<unknown>>
  const open = methods[Symbol.asyncIterator]
  if (typeof open === 'function') return { iterator: open.call(iterable), isAsync: true }
  return { iterator: (iterable as Iterable<unknown>)[Symbol.iterator](), isAsync: false }
}

/** Whether its items come by promises. */
export function isAsyncSource(value: object): boolean {
  const iterable = isMarked(value, sourceMark) ? (value as StreamSource<unknown>).iterable : value
  return typeof (iterable as Iterators)[Symbol.asyncIterator] === 'function'
}

/** Ends what was to be sent and has not begun. Throws what the iterable throws. */
export function discardSource(value: object): unknown {
  const inner = itemsOf(value)
  // The iterator of a Readable that has not begun leaves it as it is.
  if (isReadable(inner)) return (inner as { destroy(): unknown }).destroy()
  if (isMarked(inner, streamMark)) return (inner as { close(): unknown }).close()
  if (!types.isGeneratorObject(inner) && !isReadableStream(inner)) return undefined // there is nothing that it holds
  return openSource(inner).iterator.return?.()
}

function isIterable(value: unknown): boolean {
  if (typeof value === 'string') return true
  if (typeof value !== 'object' || value === null || types.isPromise(value)) return false
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: synchronous } = value as Iterators
  return typeof asynchronous === 'function' || typeof synchronous === 'function'
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (types.isPromise(value)) return 'a promise: await it first'
  if (typeof value === 'function') return `a function${types.isGeneratorFunction(value) ? ': call it' : ''}`
  return typeof value === 'object' ? 'an object that is not iterable' : `a ${typeof value}`
}

/** A stream of Node.js's, or one that does the same (readable-stream). */
function isReadable(value: object): boolean {
  const { pipe, read, destroy, [Symbol.asyncIterator]: iterate } = value as Record<string | symbol, unknown>
  return [pipe, read, destroy, iterate].every(method => typeof method === 'function')
}

function isReadableStream(value: object): boolean {
  const {
    getReader,
    [Symbol.toStringTag]: tag,
    [Symbol.asyncIterator]: iterate,
  } = value as Record<string | symbol, unknown>
  return tag === 'ReadableStream' && typeof getReader === 'function' && typeof iterate === 'function'
}
