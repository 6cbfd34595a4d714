import { IpcError } from '../errors'

/** The last moment, in milliseconds, that a Date can hold. */
const lastDate = 8_640_000_000_000_000n
/** Of Arrow's units, from seconds to nanoseconds: how many milliseconds one has, and how many make one. */
const milliseconds = [1000n, 1n, 1n, 1n]
const perMillisecond = [1n, 1n, 1000n, 1_000_000n]

/**
 * A moment since 1970; what is finer than milliseconds is cut off, toward the past. Throws IpcError 'out_of_range' for one that no
 * Date can hold.
 */
export function dateOf(count: bigint, unit: number): Date {
  const by = perMillisecond[unit] as bigint
  const below = count % by < 0n ? 1n : 0n
  const time = (count * (milliseconds[unit] as bigint)) / by - below
  if (time < -lastDate || time > lastDate) throw new IpcError('out_of_range', 'a moment that no Date can hold')
  return new Date(Number(time))
}
