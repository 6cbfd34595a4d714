import { types } from 'node:util'
import { isNDArray } from '../arrays/parts'
import { isArrowBatch, isArrowTable } from '../tables/shape'
import { nameOf, refusalOf } from './advice'
import { hasPlainPrototype, isClass } from './plain'
import { type AnyFunction, Referenced, referencedBy } from './referenced'
import { explain, inside, member, nestedTooDeep, Refused } from './refused'
import { isSentFirst, isStreamed, itemsOf } from './streamed'
import { TableWriter } from './table_writer'
import { isFloat, isKwargs, isLocalDateTime, type Kwargs } from './types'
import { extension, maxDepth, methodWeight } from './wire'

// The engine's own, which neither subclasses nor properties of an object replace: what they tell is so, and while they run no
// code of the user's does.
const { forEach: eachEntry } = Map.prototype
const { forEach: eachElement } = Set.prototype
const { getTime } = Date.prototype
const entryCount = getterOf(Map.prototype, 'size')
const elementCount = getterOf(Set.prototype, 'size')

/** Why what is encoded cannot carry streams; nor can it carry references then. */
export interface NoStreams {
  reason: string
  isLater: boolean
}

export const none: readonly object[] = []
export const noReferences: readonly Referenced[] = []
const highestBit = 0x8000_0000

/** Writes JavaScript values by the table of docs/values.md. */
export class ValueWriter extends TableWriter {
  /** What of the message travels item by item, in the order of its places. */
  streams: readonly object[] = none
  /** What of the message the other side may call, as often as it stands there. */
  references: readonly Referenced[] = noReferences
  private isResult = false
  /** Functions that live as long as the call. */
  private scoped: Map<AnyFunction, Referenced> | undefined

  constructor(
    private readonly noStreams?: NoStreams,
    attaches = false,
  ) {
    super(attaches)
  }

  /**
   * The bytes of a call's arguments, whose trailing undefined ones are dropped; their length. Before them the id of the
   * reference that is called, if it is none of a service's methods.
   */
  arguments(args: readonly unknown[], called?: number): number {
    this.begin()
    this.isResult = false
    if (called !== undefined) this.little64(called)
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
    this.isResult = true
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
    this.references = noReferences
    this.scoped = undefined
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
      case 'function':
        this.function(value)
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
    else if (ArrayBuffer.isView(value)) this.view(value)
    else if (types.isDate(value)) this.date(value)
    else if (types.isMap(value)) this.map(value, depth)
    else if (types.isSet(value)) this.set(value, depth)
    else if (isNDArray(value)) this.ndarray(value)
    else if (isFloat(value)) this.float(value.value)
    else if (isLocalDateTime(value)) this.localDateTime(value.date)
    else if (types.isAnyArrayBuffer(value)) this.memory(value)
    else if (isKwargs(value)) throw new Refused('kwargs() may only be the last argument of a call')
    else if (hasPlainPrototype(value)) this.object(value as Record<string, unknown>, depth)
    else if (this.reference(value, depth)) return
    else if (isStreamed(value)) this.stream(value)
    else if (isUrl(value)) this.string(value.href)
    else if (isArrowTable(value) || isArrowBatch(value)) this.table(value)
    else throw refusalOf(value)
  }

  private function(value: AnyFunction): void {
    const kept = referencedBy(value)
    if (kept === undefined && isClass(value)) throw refusalOf(value)
    this.expectReferences(`a function (${nameOf(value)})`)
    if (kept === undefined && this.isResult) {
      throw new Refused(`a function (${nameOf(value)}), which would end with the call: send ipc.retain(it)`)
    }
    const referenced = kept ?? this.scopedTo(value)
    this.extensionHeader(extension.function, 8)
    this.big64(referenced.id)
    if (kept !== undefined) this.pass(kept)
  }

  /** The same function twice in a call is the same reference. */
  private scopedTo(fn: AnyFunction): Referenced {
    this.scoped ??= new Map()
    let referenced = this.scoped.get(fn)
    if (referenced === undefined) {
      referenced = new Referenced(fn, false)
      this.scoped.set(fn, referenced)
      this.pass(referenced)
    }
    return referenced
  }

  /** Whether the value stands for an object that is passed by reference. */
  private reference(value: object, depth: number): boolean {
    const referenced = referencedBy(value)
    if (referenced?.names === undefined) return false
    if (depth >= maxDepth) throw nestedTooDeep()
    this.expectReferences('an object passed by reference')
    const start = this.beginExtension()
    this.big64(referenced.id)
    this.weigh((methodWeight - 1) * referenced.names.length)
    this.arrayHeader(referenced.names.length)
    for (const name of referenced.names) this.string(name)
    this.endExtension(extension.object, start)
    this.pass(referenced)
    return true
  }

  private pass(referenced: Referenced): void {
    if (referenced.isReleased) throw new Refused('a reference that was released with ipc.release(): make a new one')
    if (this.references === noReferences) this.references = [referenced]
    else (this.references as Referenced[]).push(referenced)
  }

  private expectReferences(what: string): void {
    if (this.noStreams === undefined) return
    const where = 'references travel among arguments and in results, here they come in a later release'
    throw new Refused(`${what}: ${where}`, 'later')
  }

  /** The id of a reference. */
  private big64(id: number): void {
    this.uint32(upperWord(id))
    this.uint32(Math.abs(id))
  }

  private little64(id: number): void {
    const [low, high] = [Math.abs(id), upperWord(id)]
    for (const word of [low, high]) for (let shift = 0; shift < 32; shift += 8) this.byte((word >>> shift) & 0xff)
  }

  private stream(value: object): void {
    if (this.noStreams !== undefined) {
      throw new Refused(this.noStreams.reason, this.noStreams.isLater ? 'later' : 'value')
    }
    const items = itemsOf(value)
    if (!isSentFirst(items)) throw new Refused('a stream that has been sent already: its items can be sent once')
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

/** The upper half of a reference's id: the highest bit says that it is retained. */
function upperWord(id: number): number {
  return id < 0 ? Math.floor(-id / 0x1_0000_0000) + highestBit : Math.floor(id / 0x1_0000_0000)
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
