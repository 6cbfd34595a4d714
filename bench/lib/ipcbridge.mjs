import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const ipc = createRequire(import.meta.url)(process.env.BENCH_PACKAGE ?? root)
