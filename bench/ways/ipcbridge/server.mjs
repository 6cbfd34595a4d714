// The address picks the channel: shm:///path or unix:///path.
import { ipc } from '../../lib/ipcbridge.mjs'
import { slowHandlers, streamHandlers } from '../../lib/values.mjs'

export async function serve(address) {
  await ipc.serve(address, { ...slowHandlers, ...streamHandlers })
}
