// Bytes behind their length, over TCP (tcp://host:port) or a Unix socket (unix:///path).
import { once } from 'node:events'
import net from 'node:net'
import { answerFrame, ByteFrameReader, frameCalls } from '../../lib/byte_frames.mjs'

export async function serve(address) {
  const server = net.createServer({ noDelay: true }, socket => {
    const reader = new ByteFrameReader()
    const answer = (kind, body) => answerFrame(socket, kind, body)
    socket.on('data', chunk => reader.push(chunk, answer))
    socket.on('error', () => socket.destroy())
  })
  if (address.startsWith('unix://')) {
    await once(server.listen(address.slice(7)), 'listening')
    return address
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `tcp://127.0.0.1:${server.address().port}`
}

export async function connect(address) {
  const url = new URL(address)
  const socket = net.connect(
    url.protocol === 'unix:' ? { path: url.pathname } : { host: '127.0.0.1', port: Number(url.port), noDelay: true },
  )
  await once(socket, 'connect')
  return { ...frameCalls(socket, socket), close: () => socket.destroy() }
}
