// Events with acknowledgements, on the websocket transport from the start.
import { once } from 'node:events'
import { io } from 'socket.io-client'

export async function connect(address) {
  const socket = io(address, { transports: ['websocket'], reconnection: false, forceNew: true })
  await once(socket, 'connect')
  return {
    call: text => new Promise(resolve => socket.emit('upper', text, resolve)),
    close: () => socket.disconnect(),
  }
}
