import { once } from 'node:events'
import WebSocket from 'ws'
import { PendingCalls } from '../../lib/envelope.mjs'

export async function connect(address) {
  const socket = new WebSocket(address, { perMessageDeflate: false })
  await once(socket, 'open')
  const pending = new PendingCalls()
  socket.on('message', data => pending.settle(data.toString()))
  socket.on('error', error => pending.fail(error))
  socket.on('close', () => pending.fail(new Error('connection closed')))
  const send = json => socket.send(json)
  return {
    call: text => pending.start('upper', [text], send),
    close: () => socket.terminate(),
  }
}
