import * as buffer from 'node:buffer'

/** Whether these bytes are UTF-8. Node.js has it from 18.14 on. */
export const isUtf8: (bytes: Buffer) => boolean = buffer.isUtf8 ?? isUtf8AsText

/** What is not UTF-8 comes out as U+FFFD, which may also be meant; encoded again, only the latter gives the same bytes. */
function isUtf8AsText(bytes: Buffer): boolean {
  const text = bytes.toString()
  return !text.includes('\ufffd') || Buffer.from(text).equals(bytes)
}

/** Whether all values of a column are, those that are null aside. */
export function areUtf8(data: Buffer, offsets: ArrayLike<number>, isThere: (index: number) => boolean): boolean {
  const count = offsets.length - 1
  if (count < 1) return true
  if (isUtf8(data.subarray(offsets[0], offsets[count])) && areWhole(data, offsets)) return true
  for (let index = 0; index < count; index++) {
    if (isThere(index) && !isUtf8(data.subarray(offsets[index], offsets[index + 1]))) return false
  }
  return true
}

/** Whether no value begins within a character. */
function areWhole(data: Buffer, offsets: ArrayLike<number>): boolean {
  for (let index = 0; index < offsets.length; index++) {
    const at = offsets[index] as number
    if (at < data.length && ((data[at] as number) & 0xc0) === 0x80) return false
  }
  return true
}
