// Functions around calls and errors, which tests/cross/test_middleware.py asks for; around.py has the same in Python.
import { IpcError } from 'ipcbridge'

export async function doubled(call, next) {
  const items = await next(call)
  if (call.method !== 'numbers') return items
  return (async function* () {
    for await (const item of items) yield 2 * item
  })()
}

export function mapped(error, { method }) {
  return error.name === 'Broken' ? new IpcError('not_found', `${method} is mapped`) : undefined
}
