import { IpcError, isIpcError } from '../errors'
import { printed } from '../printed'
import type { ArrivingReferences, CarriedStreams, DecodeOptions } from './decoding'
import { isEnginesLimit } from './refused'
import { type Entry, ValueReader } from './value_reader'

// One for all: decoding runs no code of the user's, so it is never entered twice.
const reader = new ValueReader()

/**
 * The value in `buffer` from `start` to `end`. Throws IpcError: 'data_loss' for bytes that no encoder makes,
 * 'resource_exhausted' for more values than are allowed.
 */
export function decode(
  buffer: Buffer,
  start: number,
  end: number,
  options?: DecodeOptions,
  streams?: CarriedStreams,
  references?: ArrivingReferences,
): unknown {
  reader.begin(buffer, start, end, options, streams, references)
  try {
    const value = reader.value(0)
    reader.expectEnd()
    return value
  } catch (thrown) {
    throw unreadable(thrown)
  } finally {
    reader.close()
  }
}

/** What a map in `buffer` holds, with the bytes of each key and value; throws as `decode` does. */
export function decodeEntries(buffer: Buffer): Entry[] {
  reader.begin(buffer, 0, buffer.length, undefined, undefined, undefined)
  try {
    const entries = [...reader.entries()]
    reader.expectEnd()
    return entries
  } catch (thrown) {
    throw unreadable(thrown)
  } finally {
    reader.close()
  }
}

/** A call's arguments, the keyword ones as a `Kwargs` at the end; throws as `decode` does. */
export function decodeArgs(
  buffer: Buffer,
  start: number,
  end: number,
  options?: DecodeOptions,
  streams?: CarriedStreams,
  references?: ArrivingReferences,
): unknown[] {
  reader.begin(buffer, start, end, options, streams, references)
  try {
    const args = reader.arguments()
    reader.expectEnd()
    return args
  } catch (thrown) {
    throw unreadable(thrown)
  } finally {
    reader.close()
  }
}

function unreadable(thrown: unknown): IpcError {
  if (isIpcError(thrown)) return thrown
  const why = isEnginesLimit(thrown)
    ? 'no memory for a value, or it is too large for this engine'
    : 'a value cannot be read'
  const code = isEnginesLimit(thrown) ? 'resource_exhausted' : 'internal'
  return new IpcError(code, `${why}: ${printed(thrown)}`, undefined, { cause: thrown })
}
