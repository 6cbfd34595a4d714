import { types } from 'node:util'
import { refusalOf } from './advice'
import { hasPlainPrototype } from './plain'
import { explain, inside, member, nestedTooDeep, Refused } from './refused'
import { isStreamed, itemsOf } from './streamed'
import { isFloat, isKwargs, isLocalDateTime, type Kwargs } from './types'
import { extension, maxDepth } from './wire'
import { Writer } from './writer'

// The engine's own, which neither subclasses nor properties of an object replace: what they tell is so, and while they run no
// code of the user's does.
const { forEach: eachEntry } = Map.prototype
const { forEach: eachElement } = Set.prototype
const { getTime } = Date.prototype
const entryCount = getterOf(Map.prototype, 'size')
const elementCount = getterOf(Set.prototype, 'size')

/** Why what is encoded cannot carry streams. */
export interface NoStreams {
  reason: string
  isLater: boolean
}

const none: readonly object[] = []
/** Their items can be sent once. */
const sent = new WeakSet<object>()

/** Writes JavaScript values by the table of docs/values.md. */
export class ValueWriter extends Writer {
  /** What of the message travels item by item, in the order of its places. */
  streams: readonly object[] = none

  constructor(private readonly noStreams?: NoStreams) {
    super()
  }

  /** The bytes of a call's arguments, whose trailing undefined ones are dropped; their length. */
  arguments(args: readonly unknown[]): number {
    this.begin()
    let named: Kwargs | undefined
    let index = 0
    try {
      let count = given(args, lengthOf(args))
      const last = count > 0 ? args[count - 1] : undefined
      if (isKwargs(last)) {
        named = last
        count = given(args, count - 1)
      }
      this.arrayHeader(named === undefined ? count : count + 1)
      for (; index < count; index++) this.value(args[index], 0)
    } catch (thrown) {
      throw explain(thrown, `args[${index}]`)
    }
    if (named !== undefined) this.kwargs(named)
    return this.at
  }

  /** The bytes of one value; their length. */
  result(value: unknown, root: string): number {
    this.begin()
    try {
      this.value(value, 0)
    } catch (thrown) {
      throw explain(thrown, root)
    }
    return this.at
  }

  protected override begin(): void {
    super.begin()
    this.streams = none
  }

  private kwargs(named: Kwargs): void {
    try {
      const start = this.beginExtension()
      this.object(named.values as Record<string, unknown>, -1) // the object of keywords is not itself a level of any argument
      this.endExtension(extension.kwargs, start)
    } catch (thrown) {
      throw explain(thrown, 'kwargs')
    }
  }

  protected value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'number':
        this.number(value)
        return
      case 'string':
        this.string(value)
        return
      case 'boolean':
        this.byte(value ? 0xc3 : 0xc2)
        return
      case 'undefined':
        this.byte(0xc0)
        return
      case 'bigint':
        this.bigInt(value)
        return
      case 'object':
        if (value === null) this.byte(0xc0)
        else if (Array.isArray(value)) this.array(value, depth)
        else if (Object.getPrototypeOf(value) === Object.prototype) this.object(value as Record<string, unknown>, depth)
        else this.special(value, depth)
        return
      default:
        throw refusalOf(value)
    }
  }

  private array(items: readonly unknown[], depth: number): void {
    if (depth >= maxDepth) throw nestedTooDeep()
    const length = lengthOf(items) // once: a getter may change it, but not the header that is already written
    this.arrayHeader(length)
    let index = 0
    try {
      for (; index < length; index++) this.value(items[index], depth + 1)
    } catch (thrown) {
      throw inside(thrown, `[${index}]`, items)
    }
  }

  private object(object: Record<string, unknown>, depth: number): void {
    if (depth >= maxDepth) throw nestedTooDeep()
    const keys = Object.keys(object)
    if (keys.length === 0 && isIterable(object)) throw refusalOf(object)
    const start = this.at
    this.mapHeader(keys.length)
    let written = 0
    let key = ''
    try {
      for (key of keys) {
        const value = object[key]
        if (value === undefined) continue
        this.string(key)
        this.value(value, depth + 1)
        written++
      }
    } catch (thrown) {
      throw inside(thrown, member(key), object)
    }
    if (written !== keys.length) this.recount(start, keys.length, written)
  }

  private special(value: object, depth: number): void {
    if (types.isUint8Array(value)) this.binary(value)
    else if (types.isDate(value)) this.date(value)
    else if (types.isMap(value)) this.map(value, depth)
    else if (types.isSet(value)) this.set(value, depth)
    else if (isFloat(value)) this.float(value.value)
    else if (isLocalDateTime(value)) this.localDateTime(value.date)
    else if (types.isAnyArrayBuffer(value)) this.binary(new Uint8Array(value))
    else if (isKwargs(value)) throw new Refused('kwargs() may only be the last argument of a call')
    else if (hasPlainPrototype(value)) this.object(value as Record<string, unknown>, depth)
    else if (isStreamed(value)) this.stream(value)
    else if (isUrl(value)) this.string(value.href)
    else throw refusalOf(value)
  }

  private stream(value: object): void {
    if (this.noStreams !== undefined) {
      throw new Refused(this.noStreams.reason, this.noStreams.isLater ? 'later' : 'value')
    }
    const items = itemsOf(value)
    if (sent.has(items)) throw new Refused('a stream that has been sent already: its items can be sent once')
    sent.add(items)
    this.extensionHeader(extension.stream, 4)
    this.uint32(this.streams.length)
    this.streams = [...this.streams, value]
  }

  private float(value: unknown): void {
    if (typeof value !== 'number') throw new Refused('float() of what is not a number')
    this.double(value)
  }

  private map(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    if (depth >= maxDepth) throw nestedTooDeep()
    const start = this.beginExtension()
    this.arrayHeader(2 * entryCount.call(map))
    const items: unknown[] = [] // a getter in a value may change the map, but not the count that is already written
    eachEntry.call(map, (value, key) => {
      items.push(key, value)
    })
    let index = 0
    try {
      for (; index < items.length; index++) this.value(items[index], depth + 1)
    } catch (thrown) {
      throw inside(thrown, index % 2 === 0 ? `<key ${index / 2}>` : member(items[index - 1]), map)
    }
    this.endExtension(extension.map, start)
  }

  private set(set: ReadonlySet<unknown>, depth: number): void {
    if (depth >= maxDepth) throw nestedTooDeep()
    const start = this.beginExtension()
    this.arrayHeader(elementCount.call(set))
    const items: unknown[] = []
    eachElement.call(set, item => {
      items.push(item)
    })
    let index = 0
    try {
      for (; index < items.length; index++) this.value(items[index], depth + 1)
    } catch (thrown) {
      throw inside(thrown, `<element ${index}>`, set)
    }
    this.endExtension(extension.set, start)
  }

  /** MessagePack's own timestamp, in the shortest of its three forms. */
  private date(date: Date): void {
    const milliseconds = timeOf(date)
    const seconds = Math.floor(milliseconds / 1000)
    const nanoseconds = (milliseconds - 1000 * seconds) * 1_000_000
    const upper = Math.floor(seconds / 0x1_0000_0000)
    if (seconds >= 0 && upper < 4) {
      if (nanoseconds === 0 && upper === 0) this.extensionHeader(extension.timestamp, 4)
      else {
        this.extensionHeader(extension.timestamp, 8)
        this.uint32(nanoseconds * 4 + upper)
      }
    } else {
      this.extensionHeader(extension.timestamp, 12)
      this.uint32(nanoseconds)
      this.uint32(upper)
    }
    this.uint32(seconds)
  }

  /** Microseconds between the wall-clock reading and 1970-01-01T00:00:00 on the same clock. */
  private localDateTime(given: Date): void {
    const date = new Date(timeOf(given))
    const clock = new Date(0)
    clock.setUTCFullYear(date.getFullYear(), date.getMonth(), date.getDate())
    clock.setUTCHours(date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds())
    const microseconds = BigInt(clock.getTime()) * 1000n
    this.extensionHeader(extension.localDateTime, 8)
    this.uint32(Number((microseconds >> 32n) & 0xffff_ffffn))
    this.uint32(Number(microseconds & 0xffff_ffffn))
  }
}

function getterOf(prototype: object, name: string): () => number {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as () => number
}

/** The length of an array; of a Proxy it may be anything. */
function lengthOf(items: readonly unknown[]): number {
  const { length } = items
  if (length >>> 0 !== length) throw new Refused('an array of a length that no array has')
  return length
}

/** How many of the first `count` arguments are left without trailing undefined ones. */
function given(args: readonly unknown[], count: number): number {
  let left = count
  while (left > 0 && args[left - 1] === undefined) left--
  return left
}

function isIterable(object: object): boolean {
  return Symbol.asyncIterator in object || Symbol.iterator in object
}

/** A URL of whatever realm: jsdom has a class of its own. */
function isUrl(value: object): value is URL {
  return (
    Object.prototype.toString.call(value) === '[object URL]' && typeof (value as { href?: unknown }).href === 'string'
  )
}

function timeOf(date: Date): number {
  const time = getTime.call(date)
  if (Number.isNaN(time)) throw new Refused('an invalid Date: send null')
  return time
}

/**
 * Encodes into memory that it keeps and uses again: `buffer` holds the bytes until the next call.
 *
 * A getter of the user's may make calls, and so come back to this encoder while it is at work; such a call gets
 * memory of its own.
 */
export class Encoder {
  private readonly own: ValueWriter
  private busy = false
  /** Where the bytes of the last call are, from 0 to the length that it returned. */
  buffer: Buffer
  /** What of the last call's value is to be sent item by item, in the order of its places; also when it threw. */
  streams: readonly object[] = none

  /** Without a reason not to, it takes streams. */
  constructor(private readonly noStreams?: NoStreams) {
    this.own = new ValueWriter(noStreams)
    this.buffer = this.own.buffer
  }

  /** Throws IpcError 'invalid_argument', naming the path of what cannot be sent, as in `args[0].items[3]`. */
  encodeArgs(args: readonly unknown[]): number {
    if (this.busy) return this.finish(new ValueWriter(this.noStreams), args, undefined)
    this.busy = true
    try {
      return this.finish(this.own, args, undefined)
    } finally {
      this.busy = false
    }
  }

  /** As `encodeArgs`; `root` begins the path, `result.x["a b"]`. */
  encodeResult(value: unknown, root = 'result'): number {
    if (this.busy) return this.finish(new ValueWriter(this.noStreams), value, root)
    this.busy = true
    try {
      return this.finish(this.own, value, root)
    } finally {
      this.busy = false
    }
  }

  private finish(writer: ValueWriter, value: unknown, root: string | undefined): number {
    try {
      const length = root === undefined ? writer.arguments(value as readonly unknown[]) : writer.result(value, root)
      this.buffer = writer.buffer
      return length
    } finally {
      this.streams = writer.streams
    }
  }
}
