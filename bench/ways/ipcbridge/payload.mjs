// Large values; the address picks the channel: shm:///path or unix:///path.
import { ipc, limits, serveLimits } from '../../lib/ipcbridge.mjs'

export async function serve(address) {
  const service = { count_bytes: data => data.length, echo: value => value }
  await ipc.serve(address, service, { limits: serveLimits })
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
