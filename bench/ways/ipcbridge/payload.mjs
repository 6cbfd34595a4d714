// Large values; the address picks the channel: shm:///path or unix:///path.
import { ipc } from '../../lib/ipcbridge.mjs'

const GIB = 2 ** 30
const limits = { maxMessageBytes: GIB, maxPendingBytes: 2 * GIB }

export async function serve(address) {
  const service = { count_bytes: data => data.length, echo: value => value }
  await ipc.serve(address, service, { limits: { ...limits, maxBytesPerUser: 4 * GIB } })
}

export async function connect(address) {
  const remote = await ipc.connect(address, { limits })
  return {
    countBytes: data => remote.count_bytes(data),
    echo: value => remote.echo(value),
    close: () => ipc.close(remote),
    transport: () => ipc.status(remote).transport,
  }
}
