// The reader of ./server.*: whole chunks are split, which readline does slower.
import { once } from 'node:events'
import net from 'node:net'

export async function connect(address) {
  const socket = net.connect(new URL(address).pathname)
  await once(socket, 'connect')
  socket.setEncoding('utf8')
  const chunks = socket[Symbol.asyncIterator]()
  async function* stream(count) {
    socket.write(`${count}\n`)
    let [rest, left] = ['', count]
    while (left > 0) {
      const lines = (rest + (await chunks.next()).value).split('\n')
      rest = lines.pop()
      left -= lines.length
      for (const line of lines) yield JSON.parse(line)
    }
  }
  return { stream, close: () => socket.destroy() }
}
