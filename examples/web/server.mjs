// The Node.js half of a web server: HTTP with Fastify, the work in text.py.
//   python examples/web/text.py &
//   node examples/web/server.mjs 8080 &
//   curl -s localhost:8080/words -H 'content-type: text/plain' -d 'to be or not to be'
import fastify from 'fastify'
import { close, connect, IpcError, kwargs, withOptions } from 'ipcbridge'

const text = withOptions(await connect('text'), { timeout: 2000 })
const app = fastify()

app.post('/words', ({ body, query }) => text.words(body, kwargs({ most: Number(query.most ?? 3) })))

app.setErrorHandler((error, _request, reply) => {
  const httpStatus = { invalid_argument: 400, unavailable: 503, deadline_exceeded: 504 }
  const status = error instanceof IpcError ? (httpStatus[error.code] ?? 500) : (error.statusCode ?? 500)
  reply.code(status).send({ error: error.code ?? 'internal', message: error.message })
})
app.addHook('onClose', () => close(text))

console.log(`listening on ${await app.listen({ port: Number(process.argv[2] ?? 8080), host: '127.0.0.1' })}`)
process.once('SIGTERM', () => app.close())
