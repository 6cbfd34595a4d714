// The bytes as the body of a POST; what is received goes into memory of the announced length.
import { once } from 'node:events'
import http from 'node:http'
import { Pool } from 'undici'

const headers = { 'content-type': 'application/octet-stream' }

export async function serve() {
  const server = http.createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
    const body = Buffer.allocUnsafe(Number(request.headers['content-length']))
    let filled = 0
    request.on('data', chunk => (filled += chunk.copy(body, filled)))
    request.on('end', () => {
      const reply = String(body.length)
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': reply.length })
      response.end(reply)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${server.address().port}`
}

export async function connect(address) {
  const pool = new Pool(address, { connections: 1, pipelining: 1 })
  return {
    countBytes: async data => {
      const { body } = await pool.request({ path: '/count', method: 'POST', headers, body: data })
      return Number(await body.text())
    },
    close: () => pool.close(),
  }
}
