import { brand } from './brand'
import type { Code } from './errors'

/** What came with an error of a registered class that the class itself need not know of. */
export interface Arrived {
  readonly code: Code
  /** Its stack on the other side, as text. */
  readonly remoteStack: string | undefined
}

const key = brand('Arrived')

export function markArrived(error: Error, arrived: Arrived): void {
  Object.defineProperty(error, key, { value: arrived })
}

/** Undefined of what did not arrive so. Never throws. */
export function arrivedWith(thrown: unknown): Arrived | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined
  try {
    return (thrown as { [key]?: Arrived })[key]
  } catch {
    return undefined // a Proxy
  }
}
