import { IpcError } from '../errors'

/** Of bytes that no writer of Arrow makes. */
export function malformed(reason: string): IpcError {
  return new IpcError('data_loss', `malformed table: ${reason}`)
}
