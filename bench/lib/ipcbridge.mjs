import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const ipc = createRequire(import.meta.url)(process.env.BENCH_PACKAGE ?? root)

const GIB = 2 ** 30
/** Of the rows with large values. */
export const limits = { maxMessageBytes: GIB, maxPendingBytes: 2 * GIB }
export const serveLimits = { ...limits, maxBytesPerUser: 4 * GIB }
