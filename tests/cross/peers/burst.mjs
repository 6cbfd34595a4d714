// Many calls of method(i, 1), all of them at once or a number in flight, and how each of them ended.

export async function burst(method, { count, in_flight = count }, underway) {
  const tally = { ok: 0, wrong: 0, twice: 0, codes: {} }
  const settled = new Uint8Array(count)
  let ended = 0
  const end = i => {
    if (settled[i]++ > 0) tally.twice++
    if (++ended === Math.ceil(count / 10)) underway()
  }
  const failed = ({ code, sent }) => {
    const key = sent === undefined ? code : `${code}, sent ${sent}`
    tally.codes[key] = (tally.codes[key] ?? 0) + 1
  }
  const one = i =>
    method(i, 1).then(
      result => {
        end(i)
        if (result === i + 1) tally.ok++
        else tally.wrong++
      },
      error => {
        end(i)
        failed(error)
      },
    )
  if (in_flight >= count) {
    const calls = new Array(count)
    for (let i = 0; i < count; i++) calls[i] = one(i)
    await Promise.all(calls)
  } else {
    let next = 0
    const caller = async () => {
      while (next < count) await one(next++)
    }
    await Promise.all(Array.from({ length: in_flight }, caller))
  }
  return tally
}
