import type { AnyRemote } from '../call_context'
import type { DecodeOptions } from '../values'
import type { Passer } from './owned'

/** A reference of the other side's that has come, and which somebody here may hold. */
export interface Arrived {
  readonly connection: number
  /** Below zero when it is retained. */
  readonly id: number
  /** How often it has come since it was last given back. */
  times: number
  readonly isReleased: boolean
  /** Gives it back, as often as it has come. */
  release(): void
}

/** What it takes to make one. */
export interface Arriving {
  connection: number
  id: number
  /** Of an object its methods; undefined of a function. */
  names: readonly string[] | undefined
  /** Whose call's outcome brings it; undefined where a call of the other side's does. */
  caller: Passer | undefined
  decoding: DecodeOptions | undefined
}

/** What calls the other sides of connections; set by what can. */
export const sides = {
  /** Whoever calls over a connection; undefined when that has ended. */
  passerOver: (_connection: number, _decoding: DecodeOptions | undefined): Passer | undefined => undefined,
  /** The proxy of what the other side offers. */
  remoteOver: (_connection: number, _decoding: DecodeOptions | undefined): AnyRemote | undefined => undefined,
  /** What stands here for a reference. */
  makeStub: (_arriving: Arriving): { stub: object; arrived: Arrived } => {
    throw new Error('nothing calls references yet')
  },
}
