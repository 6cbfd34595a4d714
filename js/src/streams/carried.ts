import { Column, oneStream } from '../native'
import { native, table } from '../runtime'
import type { CarriedStreams, DecodeOptions } from '../values'
import { InboundStream, type Limits } from './inbound'
import { keyAt, keyBehind, type StreamKey } from './open_streams'
import { Stream } from './stream'

/** The streams that came with a message. `finish` or `abandon` has to be called when it has been decoded. */
class Carried implements CarriedStreams {
  private readonly taken = new Map<number, InboundStream>()

  constructor(
    private readonly first: StreamKey,
    private readonly count: number,
    private readonly decoding: DecodeOptions | undefined,
    private readonly owner: object | undefined,
  ) {}

  take(place: number): Stream<unknown> | undefined {
    if (place >= this.count || this.taken.has(place)) return undefined
    const inbound = new InboundStream(keyBehind(this.first, place), this.decoding, this.owner)
    this.taken.set(place, inbound)
    return new Stream(inbound)
  }

  /** Cancels those that stand nowhere in the message; gives the others. */
  finish(): Iterable<InboundStream> {
    for (let place = 0; place < this.count; place++) {
      if (this.taken.has(place)) continue
      const { connection, id } = keyBehind(this.first, place)
      native().cancelStream(connection, id)
    }
    return this.taken.values()
  }

  /** Cancels all of them: nobody gets the message. */
  abandon(): void {
    for (const inbound of this.finish()) inbound.cancel()
  }
}

export type { Carried, Limits }

/** Of an outcome; undefined when it carries none. */
export function carriedByOutcome(
  event: number,
  decoding: DecodeOptions | undefined,
  owner: object | undefined,
): Carried | undefined {
  const count = countAt(event)
  return count === 0 ? undefined : new Carried(keyAt(event), count, decoding, owner)
}

/** Of an inbound call; undefined when it carries none. */
export function carriedByCall(event: number, decoding: DecodeOptions | undefined): Carried | undefined {
  const count = countAt(event)
  return count === 0 ? undefined : new Carried(keyBehind(keyAt(event), 1), count, decoding, undefined)
}

function countAt(event: number): number {
  return Math.floor((table[event + Column.streams] as number) / oneStream)
}
