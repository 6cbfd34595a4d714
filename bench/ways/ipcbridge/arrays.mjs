// Typed arrays in ordinary memory and in memory of the pool.
import { ipc, limits, serveLimits } from '../../lib/ipcbridge.mjs'

if (!ipc.alloc) throw new Error('this build has no ipc.alloc')

const BLOCKS = 8

/** The typed array of what `ipc.alloc` gives. */
const elements = array => array.data ?? array
const sumOfEnds = array => array[0] + array.at(-1)

let blocks = null
function frameBlocks(bytes) {
  blocks ??= Array.from({ length: BLOCKS }, (_, i) => {
    const block = ipc.alloc([bytes], 'uint8')
    elements(block).fill(1)[0] = i
    return block
  })
  return blocks
}

const service = {
  count_bytes: data => data.length,
  // What a program does that does not wait for the collector.
  ends(array) {
    const sum = sumOfEnds(array)
    ipc.release(array)
    return sum
  },
  ends_dropped: sumOfEnds,
  *frames(count, bytes) {
    const own = frameBlocks(bytes)
    for (let i = 0; i < count; i++) yield own[i % BLOCKS]
  },
}

export async function serve(address) {
  await ipc.serve(address, service, { limits: serveLimits })
}

export async function connect(address) {
  const remote = await ipc.connect(address, { limits })
  return {
    blocks: BLOCKS,
    countBytes: data => remote.count_bytes(data),
    ends: array => remote.ends(array),
    endsDropped: array => remote.ends_dropped(array),
    frames: (count, bytes) => remote.frames(count, bytes),
    ordinary: count => new Float64Array(count),
    pooled: count => ipc.alloc([count], 'float64'),
    elements,
    close: () => ipc.close(remote),
    transport: () => ipc.status(remote).transport,
  }
}
