import { inspect } from 'node:util'
import { withoutOwnFrames } from './errors'

const longest = 1000
const largest = 1n << 256n
const maxText = 64 * 1024

/**
 * Anything as text for a sentence. Never throws, and takes a time linear in the size: the decimal digits of a BigInt do not,
 * so a large one is told in hexadecimal, and what is long is cut.
 */
export function printed(value: unknown): string {
  try {
    return cut(typeof value === 'bigint' ? printedBigInt(value) : String(value), longest)
  } catch {
    return 'something that cannot be printed'
  }
}

export function printedBigInt(value: bigint): string {
  if (-largest < value && value < largest) return value.toString()
  const hex = value < 0n ? (-value).toString(16) : value.toString(16)
  return `${value < 0n ? '-' : ''}0x${cut(hex, 16)}`
}

/** A text, or its beginning; no surrogate pair is split. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text
  return `${text.slice(0, length).replace(/[\ud800-\udbff]$/, '')}…`
}

/**
 * What an error says, as text that can be sent and logged: of 64 KiB at most, and without lone surrogates. A stack says the
 * most at its ends.
 */
export function boundedText(whole: string): string {
  const half = maxText / 2 - 16
  let bytes = Buffer.from(whole)
  if (bytes.length > maxText) {
    bytes = Buffer.concat([bytes.subarray(0, half), Buffer.from('\n  [...]\n'), bytes.subarray(bytes.length - half)])
  }
  return bytes.toString()
}

/** An error for the log. Never throws: printing runs what was thrown, which may throw again. */
export function shownError(error: unknown): string {
  try {
    return boundedText(typeof error === 'string' ? error : withoutEmptyGroups(withoutOwnFrames(inspect(error))))
  } catch {
    return '(what was thrown cannot be printed)'
  }
}

/** Node.js shows the `errors` of whatever has such an array, as every RemoteError does: last, and also where there are none. */
function withoutEmptyGroups(shown: string): string {
  return shown.replace(/ \{\n *\[errors\]: \[\]\n *\}/g, '').replace(/,\n *\[errors\]: \[\](?=\n *\})/g, '')
}
