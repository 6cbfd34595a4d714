import { IpcError } from './errors'

/** What a later release brings. Until then it is refused with 'unimplemented', and these are the reasons given. */
export const later = {
  streams: 'streams, ipc.stream(iterable), come in a later release',
  callbacks: 'callbacks come in a later release',
  references: 'passing by reference comes in a later release',
  arrays: 'arrays come in a later release',
  errors: 'errors as values come in a later release',
} as const

/** The options of `serve` that a later release brings. */
export const laterServeOptions: ReadonlySet<string> = new Set(['expose'])

export function refuseLater(reason: string): never {
  throw new IpcError('unimplemented', reason)
}
