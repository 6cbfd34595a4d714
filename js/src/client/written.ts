import { IpcError } from '../errors'
import { encoder, shareEncoded, shareEncodedWith } from '../runtime'
import type { Referenced } from '../values'

const noIds: ReadonlySet<number> = new Set()

/** The ids of what a call passes. */
export function idsOf(references: readonly Referenced[]): ReadonlySet<number> {
  return references.length === 0 ? noIds : new Set(references.map(({ id }) => id))
}

export function endsAtOnce(): IpcError {
  const message = 'nobody hears when a notification has ended, and a callback with it: pass ipc.retain(callback)'
  return new IpcError('invalid_argument', message)
}

/** Writes a call to where the native side sends it from; how many bytes the arguments take. */
export function write(args: readonly unknown[], metadata: Uint8Array | undefined, called?: number): number {
  const length = encoder.encodeArgs(args, called)
  if (metadata === undefined) shareEncoded()
  else shareEncodedWith(length, metadata)
  return length
}
