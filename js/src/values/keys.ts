const slots = 512
/** Longer keys are rare, and reading them anew costs less than comparing them would save. */
const longest = 32
const texts: string[] = new Array(slots).fill('')

/**
 * The string of an ASCII key seen before, so that a list of a thousand records makes each key's string once;
 * undefined when it has to be made. `bytes` holds it from `start` to `end`.
 */
export function knownKey(bytes: Uint8Array, start: number, end: number): string | undefined {
  const text = texts[slotOf(bytes, start, end)] as string
  const { length } = text
  // A slot may hold any other key of the same hash.
  if (length === 0 || length !== end - start) return undefined
  for (let index = 0; index < length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return undefined
  }
  return text
}

/** Remembers what the bytes stand for; what is not ASCII is stored in vain and never found. */
export function learnKey(bytes: Uint8Array, start: number, end: number, text: string): void {
  if (end - start <= longest) texts[slotOf(bytes, start, end)] = text
}

function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length === 0) return 0
  const first = bytes[start] as number
  const middle = bytes[start + (length >> 1)] as number
  const last = bytes[end - 1] as number
  return (first * 7 + middle * 31 + last * 131 + length * 17) & (slots - 1)
}
