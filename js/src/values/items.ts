import { explain } from './refused'
import { ValueWriter } from './value_writer'
import type { Outgoing } from './writer'

/** Before each item its size, and before them all their number. */
const prefixBytes = 4

/** Writes the items of a stream into one message: docs/protocol.md, "Streams". */
export class ItemWriter extends ValueWriter {
  count = 0
  /** Where the last item begins. */
  private last = 0

  constructor() {
    super(
      { reason: 'a stream in an item of another: streams within streams come in a later release', isLater: true },
      true,
    )
  }

  /** Begins a message. */
  start(): void {
    this.begin()
    this.uint32(0)
    this.count = 0
  }

  /** Throws IpcError where the item cannot be sent, and has changed nothing then. */
  add(item: unknown): void {
    const { at } = this
    const attached = this.attached.length
    try {
      this.uint32(0)
      this.value(item, 0)
    } catch (thrown) {
      this.at = at
      this.attached = this.attached.slice(0, attached)
      throw explain(thrown, 'item')
    }
    this.putLittle(at, this.at - at - prefixBytes)
    this.count++
    this.last = at
  }

  /** Throws IpcError where some of it is gone, and has left the last item out then: a message ends with what attaches something. */
  override takeAttached(): readonly Outgoing[] {
    try {
      return super.takeAttached()
    } catch (thrown) {
      this.at = this.last
      this.count--
      throw explain(thrown, 'item')
    }
  }

  get size(): number {
    return this.at
  }

  /** Whether something is sent beside the message's bytes, which is worth a message of its own. */
  get hasAttached(): boolean {
    return this.attached.length > 0
  }

  /** Ends the message, which are the first `size` bytes of `buffer`. */
  finish(): void {
    this.putLittle(0, this.count)
  }

  private putLittle(at: number, value: number): void {
    const { buffer } = this
    buffer[at] = value
    buffer[at + 1] = value >>> 8
    buffer[at + 2] = value >>> 16
    buffer[at + 3] = value >>> 24
  }
}

/** Where the next item is in a message's items, and the end of it: undefined where they are not what they say. */
export function itemAt(items: Buffer, at: number): { start: number; end: number } {
  const start = at + prefixBytes
  const size =
    ((items[at] as number) | ((items[at + 1] as number) << 8) | ((items[at + 2] as number) << 16)) +
    (items[at + 3] as number) * 0x100_0000
  return { start, end: start + size }
}
