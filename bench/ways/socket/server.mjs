// Length-prefixed JSON over TCP (tcp://host:port) or a Unix socket (unix:///path); one write a chunk read.
import { once } from 'node:events'
import net from 'node:net'
import { answer } from '../../lib/envelope.mjs'
import { FrameReader, frame } from '../../lib/frames.mjs'

export async function serve(address) {
  const server = net.createServer({ noDelay: true }, socket => {
    const reader = new FrameReader()
    socket.on('data', chunk => {
      const replies = []
      reader.push(chunk, json => replies.push(frame(answer(json))))
      if (replies.length) socket.write(replies.length === 1 ? replies[0] : Buffer.concat(replies))
    })
    socket.on('error', () => socket.destroy())
  })
  if (address.startsWith('unix://')) {
    await once(server.listen(address.slice(7)), 'listening')
    return address
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `tcp://127.0.0.1:${server.address().port}`
}
