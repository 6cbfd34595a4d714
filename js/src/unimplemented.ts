import { IpcError } from './errors'

/** What is not implemented yet, and the reasons given when it is refused with 'unimplemented'. */
export const notYet = {
  arrays: 'arrays come in a later release',
  errors: 'errors as values come in a later release',
} as const

/** The options of `serve` that are not implemented yet. */
export const unimplementedServeOptions: ReadonlySet<string> = new Set(['expose'])

export function refuseUnimplemented(reason: string): never {
  throw new IpcError('unimplemented', reason)
}
