import { isError } from '../brand'
import { type Code, isCode, isIpcError, isRemoteError, RemoteError, withoutOwnFrames } from '../errors'
import { boundedText, printedBigInt } from '../printed'
import { decode } from './decoder'
import { Encoder } from './encoder'
import { attributesOf } from './error_attributes'
import { isPlainObject } from './plain'

const maxNesting = 16
const maxMembers = 16
const maxErrors = 64
const maxDetails = 1024 * 1024
const encoder = new Encoder({ reason: 'a stream, which no error can carry', isLater: false })
const nothing = Buffer.alloc(0)

type Payload = Record<string, unknown>

/**
 * The payload that tells the caller of what a handler threw, and of what caused it. Never throws.
 *
 * `expose: false` leaves out all but type, message, code and details, `stack: false` the stacks out, for peers on other machines.
 */
export function encodeError(thrown: unknown, options: { stack?: boolean; expose?: boolean } = {}): Buffer {
  try {
    if (options.expose === false) {
      const { type, message, code, details } = describeAny(thrown, false, { errors: 1, attributeBytes: 0 })
      return bytesOf({ type, message, code, details })
    }
    const room = { errors: maxErrors, attributeBytes: maxDetails }
    return bytesOf(payloadOf(thrown, options.stack ?? true, room, []))
  } catch {
    return nothing // no memory: the code and the message travel beside it
  }
}

/** What is left for all the errors of a payload together. */
interface Room {
  errors: number
  attributeBytes: number
}

/** The map of an error, with those of its cause and of its errors in it. `within`: those in whose maps it stands. */
function payloadOf(thrown: unknown, withStack: boolean, room: Room, within: readonly unknown[]): Payload {
  room.errors--
  const described = describeAny(thrown, withStack, room)
  const around = [...within, thrown]
  const isTold = (inner: unknown) => room.errors > 0 && around.length < maxNesting && !around.includes(inner)
  const cause = read(thrown, 'cause')
  if (cause !== undefined && cause !== null && isTold(cause))
    described.cause = payloadOf(cause, withStack, room, around)
  const members = membersOf(thrown)
    .slice(0, maxMembers)
    .flatMap(each => (isTold(each) ? [payloadOf(each, withStack, room, around)] : []))
  if (members.length > 0) described.errors = members
  return described
}

/** Of an AggregateError, of whatever realm, and of a remote error that has some. */
function membersOf(thrown: unknown): readonly unknown[] {
  const members = isAggregate(thrown) || isRemoteError(thrown) ? read(thrown, 'errors') : undefined
  return Array.isArray(members) ? members : []
}

/** The error that such a payload tells of. Never throws: a payload that cannot be read gives 'data_loss'. */
export function decodeError(buffer: Buffer, start: number, end: number): RemoteError {
  let payload: unknown
  try {
    payload = decode(buffer, start, end)
  } catch (failure) {
    return new RemoteError('data_loss', `the other side sent an error that cannot be read: ${messageOf(failure)}`)
  }
  if (!isPayload(payload)) return new RemoteError('data_loss', 'the other side sent an error that cannot be read')
  return rebuild(payload, maxNesting)
}

function describeAny(thrown: unknown, withStack: boolean, room: Room): Payload {
  try {
    return describe(thrown, withStack, room)
  } catch {
    // A Proxy or a getter of the handler's making, which throws when it is looked at.
    return { type: 'Error', message: '(what was thrown cannot be examined)', code: 'unknown' }
  }
}

function describe(thrown: unknown, withStack: boolean, room: Room): Payload {
  const described: Payload = { type: typeOf(thrown), message: messageOf(thrown), code: codeOf(thrown) }
  const notes: string[] = []
  const details = isIpcError(thrown) ? thrown.details : undefined
  if (details !== undefined && details !== null) {
    try {
      const encoded = bytesOf(details, 'details')
      if (encoded.length > maxDetails) throw new Error(`they take more than ${maxDetails} bytes`)
      described.details = encoded
    } catch (failure) {
      notes.push(`details were left out: ${messageOf(failure)}`)
    }
  }
  described.language = 'javascript'
  const attributes = encodeAttributes(thrown, room, notes)
  if (attributes !== undefined) described.attributes = attributes
  if (notes.length > 0) described.note = notes.join('; ')
  if (withStack) described.stack = stackOf(thrown)
  return described
}

/** What cannot be encoded, or finds no room, is left out by itself. */
function encodeAttributes(thrown: unknown, room: Room, notes: string[]): Buffer | undefined {
  const kept: Payload = {}
  for (const [name, readValue] of attributesOf(thrown)) {
    try {
      const value = readValue()
      if (value === undefined) continue
      const { length } = bytesOf({ [name]: value }, 'attributes')
      if (length > room.attributeBytes) throw new Error(`attributes.${name} takes ${length} bytes`)
      room.attributeBytes -= length
      Object.defineProperty(kept, name, { value, enumerable: true })
    } catch (failure) {
      notes.push(`${name} was left out: ${messageOf(failure)}`)
    }
  }
  return Object.keys(kept).length === 0 ? undefined : bytesOf(kept, 'attributes')
}

function bytesOf(value: unknown, root?: string): Buffer {
  const length = encoder.encodeResult(value, root)
  return Buffer.from(encoder.buffer.subarray(0, length))
}

/** The class name: the one that `name` was set to, or the constructor's where it was left at that of a base class. */
function typeOf(thrown: unknown): string {
  if (isRemoteError(thrown)) return boundedText(thrown.type)
  if (!isError(thrown)) return thrown === null ? 'null' : typeof thrown
  const name = read(thrown, 'name')
  if (typeof name === 'string' && name !== '' && !isOfBase(name, thrown)) return boundedText(name)
  const className = read(read(thrown, 'constructor'), 'name')
  return typeof className === 'string' && className !== '' ? boundedText(className) : 'Error'
}

/** Whether an error's name is only what a class says that its own class extends. */
function isOfBase(name: string, thrown: Error): boolean {
  if (Object.hasOwn(thrown, 'name')) return name === 'Error'
  for (let level: object | null = Object.getPrototypeOf(thrown); level !== null; level = Object.getPrototypeOf(level)) {
    if (read(Object.getOwnPropertyDescriptor(level, 'constructor')?.value, 'name') === name) return true
  }
  return false
}

/** Whether a class that it extends is an AggregateError, of whatever realm. */
function isAggregate(thrown: unknown): boolean {
  if (!isError(thrown)) return false
  for (let level: object | null = thrown; level !== null; level = Object.getPrototypeOf(level)) {
    if (Object.getOwnPropertyDescriptor(level, 'name')?.value === 'AggregateError') return true
  }
  return false
}

/** Its code where it has one of ours. Never throws. */
export function codeOf(thrown: unknown): Code {
  const code = isIpcError(thrown) ? read(thrown, 'code') : undefined
  return isCode(code) ? code : 'unknown'
}

/** Never throws. */
export function messageOf(thrown: unknown): string {
  const message = isError(thrown) ? read(thrown, 'message') : thrown
  try {
    return boundedText(typeof message === 'bigint' ? printedBigInt(message) : String(message))
  } catch {
    return '(what was thrown cannot be printed)'
  }
}

function stackOf(thrown: unknown): string | undefined {
  const stack = read(thrown, 'stack')
  return typeof stack === 'string' ? boundedText(withoutOwnFrames(stack)) : undefined
}

/** A property of anything, undefined when there is none or its getter throws. */
function read(owner: unknown, name: string): unknown {
  if ((typeof owner !== 'object' && typeof owner !== 'function') || owner === null) return undefined
  try {
    return (owner as Payload)[name]
  } catch {
    return undefined
  }
}

function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function rebuild(payload: Payload, levels: number): RemoteError {
  const textAt = (key: string) => (typeof payload[key] === 'string' ? (payload[key] as string) : undefined)
  const code = isCode(payload.code) ? payload.code : 'unknown'
  const notes = [textAt('note')]
  const valueAt = (key: string): unknown => {
    const bytes = payload[key]
    if (!Buffer.isBuffer(bytes)) return undefined
    try {
      return decode(bytes, 0, bytes.length)
    } catch (failure) {
      notes.push(`${key} could not be decoded: ${messageOf(failure)}`)
      return undefined
    }
  }
  const details = valueAt('details')
  const attributes = valueAt('attributes')
  const members = Array.isArray(payload.errors) && levels > 1 ? payload.errors.filter(isPayload) : []
  const noted = notes.flatMap(note => (note === undefined ? [] : [`(${note})`]))
  const lines = [textAt('stack'), ...noted].filter(line => line !== undefined)
  return new RemoteError(code, textAt('message') ?? '', {
    type: textAt('type'),
    remoteStack: lines.length > 0 ? lines.join('\n') : undefined,
    details,
    attributes: isPlainObject(attributes) ? attributes : undefined,
    errors: members.slice(0, maxMembers).map(each => rebuild(each, levels - 1)),
    cause: isPayload(payload.cause) && levels > 1 ? rebuild(payload.cause, levels - 1) : undefined,
  })
}
