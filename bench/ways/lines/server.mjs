// Streams over a Unix socket: one line of JSON asks for so many items, each of which is a line of JSON.
import { once } from 'node:events'
import net from 'node:net'
import { createInterface } from 'node:readline'

const blockBytes = 64 * 1024

async function send(socket, count) {
  let block = ''
  for (let item = 0; item < count; item++) {
    block += `${JSON.stringify(item)}\n`
    if (block.length < blockBytes) continue
    if (!socket.write(block)) await once(socket, 'drain')
    block = ''
  }
  socket.write(block)
}

export async function serve(address) {
  const server = net.createServer(async socket => {
    socket.on('error', () => socket.destroy())
    for await (const line of createInterface({ input: socket })) await send(socket, JSON.parse(line))
  })
  await once(server.listen(address.slice(7)), 'listening')
}
