// The measuring loops of large values; payload_loops.py has the same for Python.
import { bytes, records } from './payload_values.mjs'
import { Samples } from './samples.mjs'

const now = () => performance.now()

/** One call after the other: `least` of them at least and for `seconds`, but none is begun once `most` seconds are over. */
async function repeated(call, check, { seconds, least, most }) {
  const samples = new Samples()
  const begin = now()
  let before = begin
  for (let calls = 0; calls < least || before - begin < seconds * 1000; calls++) {
    if (calls > 0 && before - begin > most * 1000) break
    const result = await call()
    const after = now()
    samples.add((after - before) * 1000)
    check(result)
    before = now()
  }
  return samples.summary()
}

export async function warmedUp(call, check, { seconds, warmup, most }) {
  await repeated(call, check, { seconds: warmup, least: 2, most: most / 4 })
  const { calls, p50_us, p99_us } = await repeated(call, check, { seconds, least: 3, most })
  return { calls, p50_us, p99_us }
}

/** `size` bytes one way; their number comes back. */
export function payload(client, { size, ...settings }) {
  const data = bytes(size)
  const check = result => {
    if (result !== size) throw new Error(`${result} bytes arrived in place of ${size}`)
  }
  return warmedUp(() => client.countBytes(data), check, settings)
}

/** A list of `count` records there and back. */
export function listOfRecords(client, { count, ...settings }) {
  const list = records(count)
  const check = result => {
    if (result.length !== count || result.at(-1).name !== list.at(-1).name) throw new Error('wrong records')
  }
  return warmedUp(() => client.echo(list), check, settings)
}
