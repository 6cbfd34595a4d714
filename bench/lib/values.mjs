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

/** What the rows of streams and callbacks need besides. */
export const streamHandlers = {
  *numbers(count) {
    for (let number = 0; number < count; number++) yield number
  },
  async *numbers_async(count) {
    for (let number = 0; number < count; number++) yield number
  },
  async call_back(count, callback) {
    for (let i = 0; i < count; i++) await callback(ARGUMENT)
    return EXPECTED
  },
}

export function check(result) {
  if (result !== EXPECTED) throw new Error(`wrong result: ${JSON.stringify(result)}`)
}
