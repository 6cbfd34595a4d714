// Length-prefixed JSON; what is sent in one turn goes out in one write.
import { once } from 'node:events'
import net from 'node:net'
import { PendingCalls, TurnBatch } from '../../lib/envelope.mjs'
import { FrameReader, frame } from '../../lib/frames.mjs'

export async function connect(address) {
  const url = new URL(address)
  const socket = net.connect(
    url.protocol === 'unix:' ? { path: url.pathname } : { host: '127.0.0.1', port: Number(url.port), noDelay: true },
  )
  await once(socket, 'connect')
  const pending = new PendingCalls()
  const reader = new FrameReader()
  const batch = new TurnBatch(parts => socket.write(parts.length === 1 ? parts[0] : Buffer.concat(parts)))
  const settle = json => pending.settle(json)
  socket.on('data', chunk => reader.push(chunk, settle))
  socket.on('error', error => pending.fail(error))
  socket.on('close', () => pending.fail(new Error('connection closed')))
  const send = json => batch.push(frame(json))
  return {
    call: text => pending.start('upper', [text], send),
    method: name => text => pending.start(name, [text], send),
    close: () => socket.destroy(),
  }
}
