import { Column, rowWords } from './native'

/** Events that were taken out of the shared memory, which others have come into since. */
interface Batch {
  readonly rows: Uint32Array
  readonly slab: Buffer
  /** By their numbers, or what went wrong when they were to be taken over. */
  readonly longMessages: ReadonlyMap<number, LongMessage>
  /** How many have not been handled. */
  left: number
}

export type LongMessage = { bytes: Buffer } | { error: unknown }

/** The kind of an event that has been handled. */
const handled = 0xffff_ffff

/** Where an event stands, and what it says. */
export interface KeptEvent {
  readonly rows: Uint32Array
  /** The number of its first word. */
  readonly event: number
  /** Where its payload and its metadata are. */
  readonly bytes: Buffer | undefined
}

/** Answers an event where it can, which is handled then. */
type Answers = (kept: KeptEvent) => boolean

/**
 * What comes while ipc.sync() blocks the thread and is not for the call that it waits for: nothing of it is lost, and everything is
 * handled in its order, later.
 */
export class KeptBack {
  private readonly batches = new Set<Batch>()
  /** That of the event at the start of the table, where it is one that was kept. */
  private restored: Batch | undefined

  constructor(
    private readonly table: Uint32Array,
    private readonly slab: Buffer,
  ) {}

  get isEmpty(): boolean {
    return this.batches.size === 0
  }

  /** Takes the events out of the table that stand between two places in it, and drops those that are answered then. */
  keep(start: number, end: number, takeOver: (event: number) => LongMessage, isAnswered?: Answers): void {
    if (start === end) return
    const rows = this.table.slice(start, end)
    const longMessages = new Map<number, LongMessage>()
    let size = 0
    for (let event = start; event < end; event += rowWords) {
      const number = this.table[event + Column.longMessage] as number
      if (number !== 0) longMessages.set(number, takeOver(event))
      else size = Math.max(size, this.table[event + Column.payloadEnd] as number)
      size = Math.max(size, this.table[event + Column.messageEnd] as number) // or metadataEnd
    }
    const slab = Buffer.from(this.slab.subarray(0, size))
    const batch = { rows, slab, longMessages, left: rows.length / rowWords }
    this.batches.add(batch)
    if (isAnswered !== undefined) this.answerOf(batch, isAnswered)
  }

  /** Drops what is answered. */
  answer(isAnswered: Answers): void {
    for (const batch of this.batches) this.answerOf(batch, isAnswered)
  }

  private answerOf(batch: Batch, isAnswered: Answers): void {
    const { rows } = batch
    for (let event = 0; event < rows.length; event += rowWords) {
      if (rows[event] === handled || !isAnswered({ rows, event, bytes: bytesOf(batch, event) })) continue
      this.drop(batch, event)
    }
  }

  /** Puts the first of them that is wanted back where it came from, at the start of the table. Whether there is one. */
  restore(isWanted: (kept: KeptEvent) => boolean): boolean {
    for (const batch of this.batches) {
      const { rows } = batch
      for (let event = 0; event < rows.length; event += rowWords) {
        if (rows[event] === handled || !isWanted({ rows, event, bytes: bytesOf(batch, event) })) continue
        this.table.set(rows.subarray(event, event + rowWords))
        if (this.restored !== batch) this.slab.set(batch.slab)
        this.restored = batch
        this.drop(batch, event)
        return true
      }
    }
    return false
  }

  private drop(batch: Batch, event: number): void {
    batch.rows[event] = handled
    if (--batch.left === 0) this.batches.delete(batch)
  }

  /** Of the event at the start of the table, where it was restored. */
  longMessage(number: number): LongMessage | undefined {
    return this.restored?.longMessages.get(number)
  }

  /** The shared memory has a batch of its own from now on. */
  leave(): void {
    this.restored = undefined
  }
}

function bytesOf({ rows, slab, longMessages }: Batch, event: number): Buffer | undefined {
  const number = rows[event + Column.longMessage] as number
  if (number === 0) return slab
  const message = longMessages.get(number)
  return message !== undefined && 'bytes' in message ? message.bytes : undefined
}
