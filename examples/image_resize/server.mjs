// An HTTP server that has uploaded images resized in Python (images.py).
//   python examples/image_resize/images.py &
//   node examples/image_resize/server.mjs 8080 &
//   curl -s 'localhost:8080/?width=200' --data-binary @photo.jpg -o small.jpg
import http from 'node:http'
import { alloc, close, connect, IpcError, kwargs, release, withOptions } from 'ipcbridge'

const images = withOptions(await connect('images'), { timeout: 10_000 })
const maxBytes = 20 * 1024 * 1024

const refusal = (status, message) => Object.assign(new Error(message), { status })

/** The body of a request, in memory that Python reads without another copy. */
async function bodyOf(request) {
  const length = Number(request.headers['content-length'] ?? Number.NaN)
  if (Number.isNaN(length)) throw refusal(411, 'the length of the image is missing')
  if (length > maxBytes) throw refusal(413, `an image may have ${maxBytes} bytes`)
  const body = alloc(length)
  let at = 0
  for await (const chunk of request) at += chunk.copy(body, at)
  return body
}

async function resized(request) {
  if (request.method !== 'POST') throw refusal(405, 'POST an image')
  const { searchParams } = new URL(request.url, 'http://localhost')
  const [width, height] = ['width', 'height'].map(name => Number(searchParams.get(name) ?? 10_000))
  if (![width, height].every(each => Number.isInteger(each) && each > 0 && each <= 10_000)) {
    throw refusal(400, 'width and height are from 1 to 10000')
  }
  const body = await bodyOf(request)
  try {
    return await images.resize(body, kwargs({ width, height }))
  } finally {
    release(body)
  }
}

const statusOf = { invalid_argument: 422, unavailable: 503, resource_exhausted: 503, deadline_exceeded: 504 }

const server = http.createServer(async (request, response) => {
  try {
    const { type, data } = await resized(request)
    response.writeHead(200, { 'content-type': type, 'content-length': data.length }).end(data)
  } catch (error) {
    const status = error instanceof IpcError ? (statusOf[error.code] ?? 500) : (error.status ?? 500)
    // What is left of the body is not read: the connection ends.
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
    response.end(JSON.stringify({ error: error.message }))
  }
})

server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
process.once('SIGTERM', () => server.close(() => close(images)))
