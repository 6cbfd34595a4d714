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

/** Handlers that go on after an `await`, one of which asks then whose call it serves. */
export const contextHandlers = context => ({
  async upper_after_await(text) {
    await null
    return text.toUpperCase()
  },
  async upper_in_context(text) {
    await null
    return context().method === 'upper_in_context' ? text.toUpperCase() : ''
  },
})

export function check(result) {
  if (result !== EXPECTED) throw new Error(`wrong result: ${JSON.stringify(result)}`)
}
