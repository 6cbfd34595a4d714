// Length-prefixed JSON over a Unix socket: what one writes by hand instead.
import { connect, createServer } from 'node:net'

function write(socket, message) {
  const body = JSON.stringify(message)
  const frame = Buffer.allocUnsafe(4 + Buffer.byteLength(body))
  frame.writeUInt32LE(frame.length - 4)
  frame.write(body, 4)
  socket.write(frame)
}

function read(socket, onMessage) {
  let pending = Buffer.alloc(0)
  socket.on('data', chunk => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32LE()) {
      const end = 4 + pending.readUInt32LE()
      const body = pending.toString('utf8', 4, end)
      pending = pending.subarray(end)
      onMessage(JSON.parse(body))
    }
  })
}

export function serveJson(path, fn) {
  const server = createServer(socket => {
    read(socket, ({ id, args }) => write(socket, { id, result: fn(...args) }))
    socket.on('error', () => {})
  })
  return new Promise(resolve => server.listen(path, () => resolve(server)))
}

export function connectJson(path) {
  const socket = connect(path)
  const waiting = new Map()
  let last = 0
  read(socket, ({ id, result }) => {
    waiting.get(id)(result)
    waiting.delete(id)
  })
  const call = (...args) =>
    new Promise(resolve => {
      waiting.set(++last, resolve)
      write(socket, { id: last, args })
    })
  return { call, close: () => socket.destroy() }
}
