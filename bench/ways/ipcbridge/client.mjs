// The address picks the channel: shm:///path or unix:///path.
import { ipc } from '../../lib/ipcbridge.mjs'

export async function connect(address) {
  const remote = await ipc.connect(address)
  return {
    call: text => remote.upper(text),
    method: name => text => remote[name](text),
    slow: milliseconds => remote.slow(milliseconds),
    close: () => ipc.close(remote),
    transport: () => ipc.status(remote).transport,
  }
}
