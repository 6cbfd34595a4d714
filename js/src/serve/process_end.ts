import { native } from '../runtime'

/** The paths of the sockets that this thread serves at. */
const listening = new Set<string>()

/**
 * Sees to it that a socket is not left behind when the process ends without closing its server: by process.exit(), an
 * uncaught exception, or a signal that the program does not handle itself.
 */
export function removeAtEnd(path: string): void {
  if (path === '') return
  if (listening.size === 0) process.on('exit', removeAll)
  listening.add(path)
  native().removeOnSignal(path)
}

/** The server at this path has been closed. */
export function forgetSocket(path: string): void {
  if (!listening.delete(path)) return
  if (listening.size === 0) process.off('exit', removeAll)
  native().keepOnSignal(path)
}

function removeAll(): void {
  for (const path of listening) native().removeSocket(path)
}
