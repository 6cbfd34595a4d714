// A frame of bytes is their number (u32, little-endian), their kind (u8), and the bytes.

export const KINDS = { bytes: 0, json: 1 }
const HEADER = 5
const SMALL = 4096

/** Sends the frame in one system call; only what is small is copied for it. */
export function writeFrame(stream, kind, body) {
  const header = Buffer.allocUnsafe(HEADER)
  header.writeUInt32LE(body.length, 0)
  header.writeUInt8(kind, 4)
  if (body.length <= SMALL) {
    stream.write(Buffer.concat([header, body]))
    return
  }
  stream.cork()
  stream.write(header)
  stream.write(body)
  stream.uncork()
}

/** Allocates the announced length once and copies the chunks into it; what came whole in one chunk is not copied. */
export class ByteFrameReader {
  #header = Buffer.alloc(HEADER)
  #headerBytes = 0
  #body = null
  #filled = 0

  /** Calls `each` with the kind and the body of every frame that is complete. */
  push(chunk, each) {
    let at = 0
    while (at < chunk.length) {
      if (this.#body) {
        at = this.#fill(chunk, at)
        if (this.#filled < this.#body.length) return
        const body = this.#body
        this.#body = null
        this.#finish(body, each)
      } else {
        at = this.#readHeader(chunk, at)
        if (this.#headerBytes < HEADER) return
        const length = this.#header.readUInt32LE(0)
        if (chunk.length - at >= length) {
          this.#finish(chunk.subarray(at, at + length), each)
          at += length
        } else {
          this.#body = Buffer.allocUnsafe(length)
          this.#filled = 0
        }
      }
    }
  }

  #readHeader(chunk, at) {
    const copied = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER - this.#headerBytes)
    this.#headerBytes += copied
    return at + copied
  }

  #fill(chunk, at) {
    const copied = chunk.copy(this.#body, this.#filled, at)
    this.#filled += copied
    return at + copied
  }

  #finish(body, each) {
    this.#headerBytes = 0
    each(this.#header.readUInt8(4), body)
  }
}

/** What a server answers: the number of the bytes, or the value that the JSON says, as JSON again. */
export function answerFrame(stream, kind, body) {
  if (kind === KINDS.json) {
    writeFrame(stream, kind, Buffer.from(JSON.stringify(JSON.parse(body.toString()))))
    return
  }
  const reply = Buffer.allocUnsafe(4)
  reply.writeUInt32LE(body.length, 0)
  writeFrame(stream, kind, reply)
}

/** The client's calls over a stream that writes to the server and one that reads from it: one call at a time. */
export function frameCalls(writable, readable) {
  const reader = new ByteFrameReader()
  let waiting = null
  readable.on('data', chunk => reader.push(chunk, (_kind, body) => waiting.resolve(body)))
  const fail = error => waiting?.reject(error ?? new Error('connection closed'))
  for (const stream of new Set([writable, readable])) stream.on('error', fail).on('close', () => fail())
  const call = (kind, body) =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject }
      writeFrame(writable, kind, body)
    })
  return {
    countBytes: async data => (await call(KINDS.bytes, data)).readUInt32LE(0),
    echo: async value => JSON.parse((await call(KINDS.json, Buffer.from(JSON.stringify(value)))).toString()),
  }
}
