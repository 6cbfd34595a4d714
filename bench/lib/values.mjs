// The work itself, the same for every way: a method `upper` that takes and returns a string of 10 bytes.
export const ARGUMENT = 'abcdefghij'
export const EXPECTED = 'ABCDEFGHIJ'

export const handlers = {
  upper: text => text.toUpperCase(),
}

/** Handlers for the rows that put a slow call beside fast ones. */
export const slowHandlers = {
  ...handlers,
  slow: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds, 'done')),
}

export function check(result) {
  if (result !== EXPECTED) throw new Error(`wrong result: ${JSON.stringify(result)}`)
}
