import { randomBytes } from 'node:crypto'

/**
 * A name that no other test, thread or process has: for `serve` where tests run in parallel. `prefix` is what it begins
 * with, for logs. Valid as a local name, and behind `inproc://`.
 */
export function uniqueName(prefix = 'test'): string {
  // Random, because a counter would begin anew in each thread, and in each copy of this module.
  return `${prefix}-${process.pid}-${randomBytes(6).toString('hex')}`
}
