import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects what nobody holds any more. */
export const gc = runInNewContext('gc')

/** The bytes that this process has in memory, in the heap and in all, without its garbage. */
export async function ownMemory() {
  for (let turn = 0; turn < 4; turn++) {
    gc()
    await new Promise(setImmediate) // finalisers run between the turns
  }
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, all: rss }
}

/** Whether it has grown by less than so many bytes since it was asked before. */
export function hasGrownLittle(t, before, now, most) {
  const grown = { heap: now.heap - before.heap, all: now.all - before.all }
  t.diagnostic(`grown by ${grown.heap >> 10} KiB of heap, ${grown.all >> 10} KiB in all`)
  return grown.heap < most.heap && grown.all < most.all
}
