import { brand, isMarked } from '../brand'
import { native } from '../runtime'
import type { AttachedBuffers } from '../values'

const retainedMark = brand('RetainedMemory')

/** Of streams, the method that has their items stay. */
export const retainItems: unique symbol = Symbol.for('ipcbridge.retainItems')

/** Whether it is a stream, whose items stay from now on. */
export function retainStream(value: unknown): boolean {
  const retain = (value as { [retainItems]?: () => void } | null | undefined)?.[retainItems]
  if (retain === undefined) return false
  retain.call(value)
  return true
}

/** What lies in this memory stays when the stream that has given it goes on. */
export function retainMemory(buffer: object): void {
  if (!isMarked(buffer, retainedMark)) Object.defineProperty(buffer, retainedMark, { value: true })
}

/**
 * The memory of the arrays that a stream has given, which goes back to the sender when the next item is asked for: the garbage
 * collector comes by too seldom for large ones. That of bytes does not, because a socket or a file may still write them.
 */
export class GivenMemory {
  private buffers: ArrayBuffer[] = []
  private isRetained = false

  /** From now on all of it stays. */
  retain(): void {
    this.isRetained = true
    this.buffers = []
  }

  /** What has just been read of these belongs to an item that is given. */
  add(attached: AttachedBuffers): void {
    if (!this.isRetained) this.buffers.push(...attached.arrays)
    attached.arrays = []
  }

  release(): void {
    if (this.buffers.length === 0) return
    for (const buffer of this.buffers) if (!isMarked(buffer, retainedMark)) native().releaseMemory(buffer)
    this.buffers = []
  }
}

/** Gives back what nobody has read, and nobody will. */
export function releaseUnread({ buffers, taken }: AttachedBuffers): void {
  for (const buffer of buffers.slice(taken)) native().releaseMemory(buffer)
}
