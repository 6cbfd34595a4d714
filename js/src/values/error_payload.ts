import { isError } from '../brand'
import { type Code, isCode, isIpcError, isRemoteError, RemoteError, withoutOwnFrames } from '../errors'
import { boundedText, printedBigInt } from '../printed'
import { decode } from './decoder'
import { Encoder } from './encoder'

const maxChain = 16
const maxDetails = 1024 * 1024
const encoder = new Encoder({ reason: 'a stream, which no error can carry', isLater: false })
const nothing = Buffer.alloc(0)

type Payload = Record<string, unknown>

/**
 * The payload that tells the caller of what a handler threw, and of what caused it. Never throws.
 *
 * `stack: false` leaves the stacks out, for peers on other machines.
 */
export function encodeError(thrown: unknown, options: { stack?: boolean } = {}): Buffer {
  try {
    return bytesOf(payloadOf(thrown, options.stack ?? true))
  } catch {
    return nothing // no memory: the code and the message travel beside it
  }
}

/** The map of an error, with that of its cause in it. */
function payloadOf(thrown: unknown, withStack: boolean): Payload | undefined {
  const chain: unknown[] = []
  let following = thrown
  while (chain.length < maxChain && !chain.includes(following)) {
    chain.push(following)
    following = read(following, 'cause')
    if (following === undefined || following === null) break
  }
  let payload: Payload | undefined
  for (const link of chain.reverse()) {
    const described = describeAny(link, withStack)
    if (payload !== undefined) described.cause = payload
    payload = described
  }
  return payload
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
  return rebuild(payload, maxChain)
}

function describeAny(thrown: unknown, withStack: boolean): Payload {
  try {
    return describe(thrown, withStack)
  } catch {
    // A Proxy or a getter of the handler's making, which throws when it is looked at.
    return { type: 'Error', message: '(what was thrown cannot be examined)', code: 'unknown' }
  }
}

function describe(thrown: unknown, withStack: boolean): Payload {
  const described: Payload = { type: typeOf(thrown), message: messageOf(thrown), code: codeOf(thrown) }
  let details = isIpcError(thrown) ? thrown.details : undefined
  const members = read(thrown, 'errors')
  if (details === undefined && isAggregate(thrown) && Array.isArray(members)) {
    details = { errors: members.slice(0, maxChain).map(each => ({ type: typeOf(each), message: messageOf(each) })) }
  }
  if (details !== undefined && details !== null) {
    try {
      const encoded = bytesOf(details, 'details')
      if (encoded.length > maxDetails) throw new Error(`they take more than ${maxDetails} bytes`)
      described.details = encoded
    } catch (failure) {
      described.note = `details were left out: ${messageOf(failure)}`
    }
  }
  if (withStack) described.stack = stackOf(thrown)
  return described
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

function rebuild(payload: Payload, links: number): RemoteError {
  const textAt = (key: string) => (typeof payload[key] === 'string' ? (payload[key] as string) : undefined)
  const code = isCode(payload.code) ? payload.code : 'unknown'
  let note = textAt('note')
  let details: unknown
  if (Buffer.isBuffer(payload.details)) {
    try {
      details = decode(payload.details, 0, payload.details.length)
    } catch (failure) {
      note = `details could not be decoded: ${messageOf(failure)}`
    }
  }
  const lines = [textAt('stack'), note === undefined ? undefined : `(${note})`].filter(line => line !== undefined)
  return new RemoteError(code, textAt('message') ?? '', {
    type: textAt('type'),
    remoteStack: lines.length > 0 ? lines.join('\n') : undefined,
    details,
    cause: isPayload(payload.cause) && links > 1 ? rebuild(payload.cause, links - 1) : undefined,
  })
}
