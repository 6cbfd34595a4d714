import { Control } from './native'
import { control } from './runtime'

/** From now on this thread of the process sleeps at once whenever it waits for a message. */
export function neverSpin(): void {
  control[Control.noSpin] = 1
}
