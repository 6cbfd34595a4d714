// The address picks the channel: shm:///path or unix:///path.
import { ipc } from '../../lib/ipcbridge.mjs'
import { contextHandlers, handlers, slowHandlers, streamHandlers } from '../../lib/values.mjs'

const middleware = process.env.BENCH_MIDDLEWARE ? (call, next) => next(call) : undefined

export async function serve(address) {
  // Before Node.js 24 each promise of a process costs more once a handler of it is async: those are served apart.
  const target = process.env.BENCH_METHOD
    ? { ...handlers, ...contextHandlers(ipc.context) }
    : { ...slowHandlers, ...streamHandlers }
  await ipc.serve(address, target, { middleware })
}
