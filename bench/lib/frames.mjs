// A frame is a u32 length, little-endian, and that many bytes of JSON.

export function frame(json) {
  const length = Buffer.byteLength(json)
  const buffer = Buffer.allocUnsafe(4 + length)
  buffer.writeUInt32LE(length, 0)
  buffer.write(json, 4)
  return buffer
}

export class FrameReader {
  #rest = null

  /** Calls `each` with the JSON of every frame that is complete. */
  push(chunk, each) {
    const data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    let at = 0
    while (data.length - at >= 4) {
      const end = at + 4 + data.readUInt32LE(at)
      if (end > data.length) break
      each(data.toString('utf8', at + 4, end))
      at = end
    }
    this.#rest = at < data.length ? data.subarray(at) : null
  }
}
