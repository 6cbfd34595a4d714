import { connectionAt } from '../streams/open_streams'
import type { ArrivingReferences, DecodeOptions } from '../values'
import type { Passer } from './owned'
import { type Arrived, sides } from './sides'

interface Known {
  arrived: Arrived
  stub: WeakRef<object>
}

/** Of each connection the retained references that somebody here may hold, by their ids: the same one is the same stub. */
const known = new Map<number, Map<number, Known>>()

const dropped = new FinalizationRegistry<Arrived>(arrived => {
  forget(arrived)
  arrived.release()
})

function forget(arrived: Arrived): void {
  const { connection, id } = arrived
  const ofConnection = known.get(connection)
  if (ofConnection?.get(id)?.arrived !== arrived) return
  ofConnection.delete(id)
  if (ofConnection.size === 0) known.delete(connection)
}

function knownOver(connection: number): Map<number, Known> {
  let ofConnection = known.get(connection)
  if (ofConnection === undefined) {
    ofConnection = new Map()
    known.set(connection, ofConnection)
  }
  return ofConnection
}

export function arrivedCount(): number {
  let count = 0
  for (const ofConnection of known.values()) count += ofConnection.size
  return count
}

/** The references in the message of an event. */
class Arrival implements ArrivingReferences {
  private event = 0
  private caller: Passer | undefined
  private decoding: DecodeOptions | undefined
  /** Those that end with the call. */
  private scoped: Map<number, object> | undefined

  /** `caller` is whose call an outcome is of; undefined of an inbound call. */
  at(event: number, caller: Passer | undefined, decoding: DecodeOptions | undefined): this {
    this.event = event
    this.caller = caller
    this.decoding = decoding
    this.scoped = undefined
    return this
  }

  function(id: number): object {
    if (id < 0) return this.retained(id, undefined)
    this.scoped ??= new Map()
    let stub = this.scoped.get(id)
    if (stub === undefined) {
      stub = this.make(connectionAt(this.event), id, undefined).stub
      this.scoped.set(id, stub)
    }
    return stub
  }

  object(id: number, names: readonly string[]): object {
    return this.retained(id, names)
  }

  private retained(id: number, names: readonly string[] | undefined): object {
    const connection = connectionAt(this.event)
    const ofConnection = knownOver(connection)
    const before = ofConnection.get(id)
    const held = before?.stub.deref()
    if (before !== undefined && held !== undefined && !before.arrived.isReleased) {
      before.arrived.times++
      return held
    }
    const { stub, arrived } = this.make(connection, id, names)
    arrived.times = 1
    ofConnection.set(id, { arrived, stub: new WeakRef(stub) })
    dropped.register(stub, arrived)
    return stub
  }

  private make(connection: number, id: number, names: readonly string[] | undefined) {
    const { caller, decoding } = this
    return sides.makeStub({ connection, id, names, caller, decoding })
  }
}

/** One for all: a message is decoded while its event is handled. */
export const arrival = new Arrival()
