// The measuring loops of arrays; array_loops.py has the same for Python.
import { warmedUp } from './payload_loops.mjs'

const BYTES_PER_ELEMENT = 8
/** More than any run of the loop takes; it is left when the time is over. */
const MANY_FRAMES = 1_000_000

const now = () => performance.now()
const checkEnds = result => {
  if (result !== 3) throw new Error(`the ends of the array have the sum ${result}`)
}

/** An array of `size` bytes in ordinary memory or in the pool, with 1 and 2 at its ends. */
function made(client, size, pool) {
  const array = pool ? client.pooled(size / BYTES_PER_ELEMENT) : client.ordinary(size / BYTES_PER_ELEMENT)
  const elements = client.elements(array)
  elements.fill(0)
  elements[0] = 1
  elements[elements.length - 1] = 2
  return array
}

/** One array, again and again; its ends are read. */
export function array(client, { size, pool, ...settings }) {
  const value = made(client, size, pool)
  return warmedUp(() => client.ends(value), checkEnds, settings)
}

/** `count` calls, whose receiver leaves the arrays to its collector. */
export async function arraysDropped(client, { size, count }) {
  const value = made(client, size, false)
  for (let i = 0; i < count; i++) checkEnds(await client.endsDropped(value))
  return { calls: count }
}

/** A few calls with a large array, while the harness watches the memory of both processes. */
export async function arrayOnce(client, { size, pool, calls }) {
  const value = made(client, size, pool)
  for (let i = 0; i < calls; i++) checkEnds(await client.ends(value))
  return { calls }
}

/** Reads every byte, as quickly as Node.js does that: none is what it looks for. */
const touch = frame => {
  const { buffer, byteOffset, byteLength } = frame
  if (Buffer.from(buffer, byteOffset, byteLength).indexOf(0xff) !== -1) throw new Error('wrong frame')
}

/** How many frames of a stream come in a second if `each` is done with every one. */
async function streamed(client, size, seconds, each) {
  const begin = now()
  let frames = 0
  for await (const frame of client.frames(MANY_FRAMES, size)) {
    const elements = client.elements(frame)
    if (elements[0] !== frames % client.blocks) throw new Error('wrong frame')
    each(elements)
    frames++
    if (now() - begin > seconds * 1000) break
  }
  return frames / ((now() - begin) / 1000)
}

/** The same in memory of this process. */
function local(client, size, seconds) {
  const blocks = Array.from({ length: client.blocks }, () => new Uint8Array(size).fill(1))
  const begin = now()
  let frames = 0
  for (; now() - begin < seconds * 1000; frames++) touch(blocks[frames % blocks.length])
  return frames / ((now() - begin) / 1000)
}

/** Frames from the pool: their descriptors only, every byte of them, and every byte of frames of this process. */
export async function frames(client, { size, seconds, warmup }) {
  await streamed(client, size, warmup, touch)
  return {
    frames_per_s: await streamed(client, size, seconds, () => {}),
    touched_per_s: await streamed(client, size, seconds, touch),
    local_per_s: local(client, size, seconds),
  }
}
