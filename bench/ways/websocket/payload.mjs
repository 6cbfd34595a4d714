// Binary messages without compression, of any length; their number comes back as text.
import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'ws'

const settings = { perMessageDeflate: false, maxPayload: 0 }

export async function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...settings })
  server.on('connection', socket => {
    socket.on('message', data => socket.send(String(data.length)))
    socket.on('error', () => socket.terminate())
  })
  await once(server, 'listening')
  return `ws://127.0.0.1:${server.address().port}`
}

export async function connect(address) {
  const socket = new WebSocket(address, settings)
  await once(socket, 'open')
  let waiting = null
  socket.on('message', data => waiting.resolve(Number(data.toString())))
  socket.on('error', error => waiting?.reject(error))
  socket.on('close', () => waiting?.reject(new Error('connection closed')))
  return {
    countBytes: data =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.send(data)
      }),
    close: () => socket.terminate(),
  }
}
