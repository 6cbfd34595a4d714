// node:http with keep-alive: POST /method, a JSON array of arguments in the body.
import { once } from 'node:events'
import http from 'node:http'
import { handlers } from '../../lib/values.mjs'

export async function serve() {
  const server = http.createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', chunk => (body += chunk))
    request.on('end', () => {
      const reply = JSON.stringify(handlers[request.url.slice(1)](...JSON.parse(body)))
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(reply) })
      response.end(reply)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${server.address().port}`
}
