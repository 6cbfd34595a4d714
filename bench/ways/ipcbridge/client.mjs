// The address picks the channel: shm:///path or unix:///path.
import { ipc } from '../../lib/ipcbridge.mjs'

const middleware = process.env.BENCH_MIDDLEWARE ? (call, next) => next(call) : undefined

export async function connect(address) {
  const remote = await ipc.connect(address, { middleware })
  const blocking = ipc.sync(remote)
  return {
    call: text => remote.upper(text),
    method: name => text => remote[name](text),
    callBlocking: text => blocking.upper(text),
    callBack: (count, callback) => remote.call_back(count, callback),
    stream: count => remote.numbers(count),
    streamAsync: count => remote.numbers_async(count),
    slow: milliseconds => remote.slow(milliseconds),
    close: () => ipc.close(remote),
    transport: () => ipc.status(remote).transport,
  }
}
