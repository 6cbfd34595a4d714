import { arrivedWith } from '../arrived'
import { type Code, isCode, isIpcError, isRemoteError } from '../errors'
import { Encoder } from './encoder'
import { attributesOf } from './error_attributes'
import { isAggregate, messageOf, read, typeOf } from './error_names'
import { stackOf } from './error_stacks'

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

/** Its code where it has one of ours. Never throws. */
export function codeOf(thrown: unknown): Code {
  const code = isIpcError(thrown) ? read(thrown, 'code') : arrivedWith(thrown)?.code
  return isCode(code) ? code : 'unknown'
}
