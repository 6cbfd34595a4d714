import { markArrived } from '../arrived'
import { type Code, completeStack, isCode, isIpcError, RemoteError } from '../errors'
import { boundedText } from '../printed'
import { makeRegistered } from '../registered'
import { decode } from './decode'
import { isAggregate, messageOf, nameOf } from './error_names'
import { marked } from './error_stacks'
import { isPlainObject } from './plain'

const maxNesting = 16
const maxMembers = 16

type Payload = Record<string, unknown>

/**
 * The error that such a payload tells of: a RemoteError, or one of a class that was registered for its type. Never throws: a
 * payload that cannot be read gives 'data_loss'.
 */
export function decodeError(buffer: Buffer, start: number, end: number): Error {
  let payload: unknown
  try {
    payload = decode(buffer, start, end)
  } catch (failure) {
    return new RemoteError('data_loss', `the other side sent an error that cannot be read: ${messageOf(failure)}`)
  }
  if (!isPayload(payload)) return new RemoteError('data_loss', 'the other side sent an error that cannot be read')
  return rebuild(payload, maxNesting)
}

function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** What was told of an error. */
interface Told {
  readonly code: Code
  readonly type: string | undefined
  readonly message: string
  readonly details: unknown
  readonly attributes: Payload
  readonly errors: readonly Error[]
  readonly cause: Error | undefined
  readonly stack: string | undefined
  /** What is to be said below the stack. */
  readonly notes: string[]
}

function rebuild(payload: Payload, levels: number): Error {
  const textAt = (key: string) => (typeof payload[key] === 'string' ? (payload[key] as string) : undefined)
  const note = textAt('note')
  const notes = note === undefined ? [] : [note]
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
  const told: Told = {
    code: isCode(payload.code) ? payload.code : 'unknown',
    type: textAt('type'),
    message: textAt('message') ?? '',
    details,
    attributes: isPlainObject(attributes) ? attributes : {},
    errors: members.slice(0, maxMembers).map(each => rebuild(each, levels - 1)),
    cause: isPayload(payload.cause) && levels > 1 ? rebuild(payload.cause, levels - 1) : undefined,
    stack: textAt('stack'),
    notes,
  }
  const registered = told.type === undefined ? undefined : makeRegistered(told.type, told.message)
  if (registered === undefined) return remoteError(told)
  try {
    return completed(registered, told)
  } catch {
    return remoteError(told) // what the class has of its own may refuse, since its constructor has not run
  }
}

function remoteError(told: Told): RemoteError {
  return new RemoteError(told.code, told.message, { ...told, remoteStack: remoteStackOf(told) })
}

function remoteStackOf({ stack, notes }: Told): string | undefined {
  const lines = [
    ...(stack === undefined ? [] : [boundedText(marked(stack.trimEnd()))]),
    ...notes.map(note => `(${note})`),
  ]
  return lines.length > 0 ? lines.join('\n') : undefined
}

/** Gives an instance of a registered class what its constructor would have, and what RemoteErrors have. */
function completed(error: Error, told: Told): Error {
  for (const [name, value] of Object.entries(told.attributes)) {
    if (isOfEveryError(name)) told.notes.push(`${name} was left out: every JavaScript error has its own`)
    else Object.defineProperty(error, name, { value, enumerable: true, writable: true, configurable: true })
  }
  const { code, details, cause, errors } = told
  if (isIpcError(error)) Object.assign(error, { code }, details === undefined ? {} : { details })
  const remoteStack = remoteStackOf(told)
  if (!('code' in error)) hide(error, 'code', code)
  if (!('remoteStack' in error) && remoteStack !== undefined) hide(error, 'remoteStack', remoteStack)
  if (error.name !== nameOf(error)) hide(error, 'name', nameOf(error)) // for who has it print itself
  if (cause !== undefined) hide(error, 'cause', cause)
  if (isAggregate(error)) hide(error, 'errors', errors)
  markArrived(error, { code, remoteStack })
  completeStack(error)
  return error
}

function isOfEveryError(name: string): boolean {
  return name in Error.prototype || ['stack', 'cause', 'errors'].includes(name)
}

/** As own properties of errors are that the language itself gives them. */
function hide(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, writable: true, configurable: true })
}
