import { once } from 'node:events'
import http from 'node:http'
import { Server } from 'socket.io'
import { handlers } from '../../lib/values.mjs'

export async function serve() {
  const server = http.createServer()
  new Server(server, { transports: ['websocket'], serveClient: false }).on('connection', socket => {
    socket.on('upper', (text, acknowledge) => acknowledge(handlers.upper(text)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${server.address().port}`
}
