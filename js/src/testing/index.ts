/**
 * For tests of programs that use ipcbridge: services in the same process, fakes, and links that fail.
 */

export { answer } from './answer'
export { calls, fake } from './fake'
export { type Link, link } from './link'
export { uniqueName } from './names'
export { type Pair, type PairOptions, pair } from './pair'
export type { RecordedCall } from './recorder'
