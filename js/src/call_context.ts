/** What a service looks like to a caller who has no types for it. */
// biome-ignore lint/suspicious/noExplicitAny: nothing is known about the service
export type AnyRemote = { readonly [name: string]: any }

/** Who has made a call. */
export interface Peer {
  /** As the kernel says; null where it does not: in another PID namespace, or when the connection has ended. */
  readonly pid: number | null
  readonly uid: number | null
  /** The `name` that the other side gave to `connect`; null without. */
  readonly name: string | null
  /** null when it is not known. */
  readonly language: 'c++' | 'javascript' | 'python' | null
  /**
   * What the other side offers to be called, as `connect` returns a service; the same for as long as the connection lives. Not
   * enumerable. Throws 'unavailable' when the connection has ended.
   */
  readonly remote: AnyRemote
}

/** What a handler may ask about the call that it serves. */
export interface Context {
  /** The dotted name of the method. */
  readonly method: string
  /** Aborted when the caller waits no longer: it cancelled, its deadline passed, or it is gone. */
  readonly signal: AbortSignal
  /** What the caller gave as `metadata`; {} without. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** How long the caller will still wait, in ms, at the least 0; null: for ever. */
  readonly deadline: number | null
  /** Who has made the call. */
  readonly peer: Peer
}
