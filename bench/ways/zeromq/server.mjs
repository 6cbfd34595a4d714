// ROUTER: the client's identity comes before the message.
import { Router } from 'zeromq'
import { answer } from '../../lib/envelope.mjs'
import { SendQueue } from '../../lib/zmq_queue.mjs'

export async function serve(address) {
  const socket = new Router({ linger: 0 })
  await socket.bind(address)
  const replies = new SendQueue(socket)
  receive(socket, replies)
  return socket.lastEndpoint
}

async function receive(socket, replies) {
  for await (const [identity, message] of socket) replies.push([identity, answer(message.toString())])
}
