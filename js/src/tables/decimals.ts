/** The text of the decimal that these bytes are, an integer of so many digits behind the point, the lowest byte first. */
export function decimalText(data: Buffer, at: number, size: number, scale: number): string {
  const count = integerAt(data, at, size)
  if (scale <= 0) return `${count * 10n ** BigInt(-scale)}`
  const digits = `${count < 0n ? -count : count}`.padStart(scale + 1, '0')
  return `${count < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

function integerAt(data: Buffer, at: number, size: number): bigint {
  if (size === 4) return BigInt(data.readInt32LE(at))
  let count = data.readBigInt64LE(at + size - 8)
  for (let word = size - 16; word >= 0; word -= 8) count = (count << 64n) | data.readBigUInt64LE(at + word)
  return count
}
