// What the tests of NDArray have in common.
import assert from 'node:assert/strict'
import { IpcError, NDArray } from './notation.mjs'

export const refuses = (act, message, code = 'invalid_argument') =>
  assert.throws(act, error => error instanceof IpcError && error.code === code && message.test(error.message))

export const square = () =>
  NDArray.from([
    [1, 2, 3],
    [4, 5, 6],
  ])
