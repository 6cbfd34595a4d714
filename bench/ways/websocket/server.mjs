import { once } from 'node:events'
import { WebSocketServer } from 'ws'
import { answer } from '../../lib/envelope.mjs'

export async function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  server.on('connection', socket => {
    socket.on('message', data => socket.send(answer(data.toString())))
  })
  await once(server, 'listening')
  return `ws://127.0.0.1:${server.address().port}`
}
