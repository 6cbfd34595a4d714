import { native } from '../runtime'

/** The servers of this thread that have a socket. */
const listening = new Set<number>()

/**
 * Sees to it that the socket of a server is not left behind when the process ends without closing it: by process.exit(), an
 * uncaught exception, or a signal that the program does not handle itself.
 */
export function removeSocketAtEnd(server: number): void {
  const { path } = native().serverStatus(server)
  if (listening.size === 0) process.on('exit', removeAll)
  listening.add(server)
  native().removeOnSignal(server, path)
}

/** The server does not listen any more. */
export function forgetSocket(server: number): void {
  if (!listening.delete(server)) return
  if (listening.size === 0) process.off('exit', removeAll)
  native().keepOnSignal(server)
}

function removeAll(): void {
  for (const server of listening) native().removeSocket(server)
}
