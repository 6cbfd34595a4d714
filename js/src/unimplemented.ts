import { IpcError } from './errors'

/** What is not implemented yet, and the reasons given when it is refused with 'unimplemented'. */
export const notYet = {
  errors: 'errors as values come in a later release',
} as const

export function refuseUnimplemented(reason: string): never {
  throw new IpcError('unimplemented', reason)
}
