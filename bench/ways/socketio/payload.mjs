// Events with a binary attachment and an acknowledgement, on the websocket transport, of any length.
import { once } from 'node:events'
import http from 'node:http'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'

export async function serve() {
  const server = http.createServer()
  const settings = { transports: ['websocket'], serveClient: false, maxHttpBufferSize: 2 ** 30 }
  new Server(server, settings).on('connection', socket => {
    socket.on('count', (data, acknowledge) => acknowledge(data.length))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${server.address().port}`
}

export async function connect(address) {
  const socket = io(address, { transports: ['websocket'], reconnection: false, forceNew: true })
  await once(socket, 'connect')
  return {
    countBytes: data =>
      new Promise((resolve, reject) => {
        socket.once('disconnect', reject)
        socket.emit('count', data, reply => {
          socket.off('disconnect', reject)
          resolve(reply)
        })
      }),
    close: () => socket.disconnect(),
  }
}
