import type { Referenced } from './referenced'
import { explain } from './refused'
import { type NoStreams, none, noReferences, ValueWriter } from './value_writer'
import { nothingAttached, type Outgoing } from './writer'

function attachedTo(writer: ValueWriter, root: string): readonly Outgoing[] {
  try {
    return writer.takeAttached()
  } catch (thrown) {
    throw explain(thrown, root)
  }
}

/**
 * Encodes into memory that it keeps and uses again: `buffer` holds the bytes until the next call.
 *
 * A getter of the user's may make calls, and so come back to this encoder while it is at work; such a call gets
 * memory of its own.
 */
export class Encoder {
  private readonly own: ValueWriter
  private busy = false
  /** Where the bytes of the last call are, from 0 to the length that it returned. */
  buffer: Buffer
  /** What of the last call's value is to be sent item by item, in the order of its places; also when it threw. */
  streams: readonly object[] = none
  /** What of it is sent beside the bytes, in the order of its places. */
  attached: readonly Outgoing[] = nothingAttached
  /** What of it the other side may call, as often as it stands there. */
  references: readonly Referenced[] = noReferences

  /** Without a reason not to, it takes streams and references. `attaches`: what is large is not in the bytes. */
  constructor(
    private readonly noStreams?: NoStreams,
    private readonly attaches = false,
  ) {
    this.own = new ValueWriter(noStreams, attaches)
    this.buffer = this.own.buffer
  }

  /** `called` is the reference that is called, if one is. Throws IpcError 'invalid_argument', naming the path of what cannot be sent, as in `args[0].items[3]`. */
  encodeArgs(args: readonly unknown[], called?: number): number {
    if (this.busy) return this.finish(new ValueWriter(this.noStreams, this.attaches), args, undefined, called)
    this.busy = true
    try {
      return this.finish(this.own, args, undefined, called)
    } finally {
      this.busy = false
    }
  }

  /** As `encodeArgs`; `root` begins the path, `result.x["a b"]`. */
  encodeResult(value: unknown, root = 'result'): number {
    if (this.busy) return this.finish(new ValueWriter(this.noStreams, this.attaches), value, root)
    this.busy = true
    try {
      return this.finish(this.own, value, root)
    } finally {
      this.busy = false
    }
  }

  private finish(writer: ValueWriter, value: unknown, root: string | undefined, called?: number): number {
    try {
      const length =
        root === undefined ? writer.arguments(value as readonly unknown[], called) : writer.result(value, root)
      this.buffer = writer.buffer
      this.attached = attachedTo(writer, root ?? 'args')
      return length
    } finally {
      this.streams = writer.streams
      this.references = writer.references
    }
  }
}
