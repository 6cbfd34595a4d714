import { isError } from '../brand'

/**
 * A method for `fake` or `pair` that takes any arguments and returns the value, or throws it if it is an Error. With several
 * values each call takes the next one, and the last stays.
 */
export function answer<V extends readonly [unknown, ...unknown[]]>(
  ...values: V
): (...args: unknown[]) => Exclude<V[number], Error> {
  let next = 0
  return (..._args) => {
    const given = values[next]
    next = Math.min(next + 1, values.length - 1)
    if (isError(given)) throw given
    return given as Exclude<V[number], Error>
  }
}
