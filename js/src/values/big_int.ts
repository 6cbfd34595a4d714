/** The digits of more bytes than these are not read at once: V8 before Node 18 takes a time quadratic in them. */
const atOnce = 1024

/** The unsigned integer that the bytes from `start` to `end` are, the highest first. */
export function unsignedAt(bytes: Buffer, start: number, end: number): bigint {
  if (end - start <= atOnce) return BigInt(`0x${bytes.toString('hex', start, end)}`)
  const middle = start + Math.ceil((end - start) / 2)
  return (unsignedAt(bytes, start, middle) << BigInt(8 * (end - middle))) | unsignedAt(bytes, middle, end)
}
