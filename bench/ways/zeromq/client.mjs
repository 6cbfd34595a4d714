// DEALER, as REQ would allow one call in flight only.
import { Dealer } from 'zeromq'
import { PendingCalls } from '../../lib/envelope.mjs'
import { SendQueue } from '../../lib/zmq_queue.mjs'

export async function connect(address) {
  const socket = new Dealer({ linger: 0 })
  socket.connect(address)
  const pending = new PendingCalls()
  const requests = new SendQueue(socket)
  receive(socket, pending)
  const send = json => requests.push(json)
  return {
    call: text => pending.start('upper', [text], send),
    close: () => socket.close(),
  }
}

async function receive(socket, pending) {
  for await (const [message] of socket) pending.settle(message.toString())
}
