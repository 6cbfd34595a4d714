/** What has come beside the bytes of a message, and how much of it has been read: each once, in its order. */
export interface AttachedBuffers {
  readonly buffers: readonly ArrayBuffer[]
  taken: number
  /** Of those that were read, the memory of arrays. */
  arrays: ArrayBuffer[]
}

const attached = Symbol('attached')

type Carrier = Buffer & { [attached]?: AttachedBuffers }

/** They go with the bytes of the message, wherever these are kept. */
export function attachTo(message: Buffer, buffers: readonly ArrayBuffer[]): void {
  ;(message as Carrier)[attached] = { buffers, taken: 0, arrays: [] }
}

export function attachedTo(message: Buffer): AttachedBuffers | undefined {
  return (message as Carrier)[attached]
}
