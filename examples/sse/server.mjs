// Sends what a Python generator yields as server-sent events, each when it comes.
//   python examples/sse/model.py &
//   node examples/sse/server.mjs 8080 &
//   curl -sN 'localhost:8080/?prompt=Why?'
// In a browser: new EventSource('/?prompt=Why?').onmessage = ({ data }) => …
import http from 'node:http'
import { pipeline } from 'node:stream/promises'
import { close, connect } from 'ipcbridge'

const model = await connect('model')

async function* events(tokens) {
  for await (const token of tokens) yield `data: ${JSON.stringify(token)}\n\n`
  yield 'event: done\ndata:\n\n' // for the browser to close its EventSource, which would ask again otherwise
}

const server = http.createServer(async (request, response) => {
  const { searchParams } = new URL(request.url, 'http://localhost')
  try {
    const tokens = await model.complete(searchParams.get('prompt') ?? '')
    response.once('close', () => tokens.close()) // who has left needs no more: the generator's `finally` runs
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    await pipeline(events(tokens), response) // no faster than the browser reads
  } catch (error) {
    if (!response.headersSent) response.writeHead(503).end(error.code)
  }
})

server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
process.once('SIGTERM', () => server.close(() => close(model)))
