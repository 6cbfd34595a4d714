// A message of bytes from DEALER to ROUTER, and their number back.
import { Dealer, Router } from 'zeromq'

export async function serve(address) {
  const socket = new Router({ linger: 0 })
  await socket.bind(address)
  answer(socket)
  return socket.lastEndpoint
}

async function answer(socket) {
  for await (const [identity, data] of socket) await socket.send([identity, String(data.length)])
}

export async function connect(address) {
  const socket = new Dealer({ linger: 0 })
  socket.connect(address)
  return {
    countBytes: async data => {
      await socket.send(data)
      const [reply] = await socket.receive()
      return Number(reply.toString())
    },
    close: () => socket.close(),
  }
}
