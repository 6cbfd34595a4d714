const mostShown = 60

/** A value in a message, shortened. Never throws. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${shorten(value)}'`
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? `${value}n` : 'a BigInt beyond 64 bits'
  if (typeof value === 'function') return 'a function'
  try {
    return shorten(String(value))
  } catch {
    return 'something that cannot be printed'
  }
}

function shorten(text: string): string {
  return text.length <= mostShown ? text : `${text.slice(0, mostShown - 20)}... (${text.length} characters)`
}
