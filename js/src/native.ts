import type { ClientStatus, ServerStatus } from './status'

/**
 * The native side of this copy, as declared here and nowhere else. Methods that return a number or undefined return
 * undefined for success and an error code's number for failure; `lastError` then says why. A handle below zero
 * is such a number made negative. Bytes to send are those at the start of the memory last given to `useOutgoing`.
 */
export interface Native {
  /** What the core calls its numbers. */
  readonly numbers: Numbers

  /** " (did you mean 'add' or 'and'?)", or ''. */
  didYouMean(name: string, candidates: readonly string[]): string

  /** What the core needs of this machine, and has found: core/doctor/doctor.hpp. Blocks the thread for some milliseconds. */
  examine(): Finding[]

  start(onBatch: (count: number) => void, shared: Shared, ownThread: boolean): Failed
  lastError(): string
  useOutgoing(bytes: Uint8Array): void
  /** The same of what `sendItems` sends. */
  useItems(bytes: Uint8Array): void
  /** Looks at `control` again: whether something pending keeps the event loop alive. */
  pendingChanged(): void
  /** So many bytes more (or fewer) are held by objects that only the garbage collector can let go. */
  adjustExternalMemory(bytes: number): void

  connect(options: NativeConnectOptions): number
  closeClient(client: number): void
  methods(client: number): string[]
  internMethod(client: number, name: string): number
  /** The same of a name that may be anybody's guess: below zero when the service does not offer it. */
  findMethod(client: number, name: string): number
  /** Where the service of an address listens; of `inproc://` the name. A code, made negative, for what is no address. */
  socketPath(address: string): string | number
  /** What IPCBRIDGE_DIR is from now on, in the environment that native code sees; '' for none. */
  setNamesDirectory(path: string): Failed
  call(client: number, token: number, method: number, payload: number): Failed
  /**
   * `metadata` bytes follow the `payload` bytes; `flags` of `numbers.callFlag`; `timeout` in ms, or Infinity; the arguments
   * carry so many `streams`.
   */
  callWith(
    client: number,
    token: number,
    method: number,
    payload: number,
    metadata: number,
    flags: number,
    timeout: number,
    streams: number,
  ): Failed
  cancel(client: number, token: number): void
  /** `addresses` are what is told of a client that has gone. */
  clientStatus(client: number, addresses: readonly string[]): ClientStatus

  serve(options: NativeServeOptions): number
  /** `grace` in ms. */
  closeServer(server: number, grace: number): void
  reply(call: number, payload: number): Failed
  replyError(call: number, code: number, message: string, details: number): Failed
  serverStatus(server: number): ServerStatus
  /** The process's sockets go when SIGTERM, SIGINT or SIGHUP ends it, until `keepOnSignal` for each server that listens. */
  removeOnSignal(server: number): Failed
  keepOnSignal(server: number): Failed

  /**
   * `reply` with a result that carries so many streams, and these retained references. The id of the first of the streams,
   * of each of which `Control.room` items may be sent; undefined when none has been opened.
   */
  replyWith(call: number, payload: number, streams: number, references: readonly number[]): number | undefined
  /**
   * How many items may be sent now: where there is no room an event tells when there is. Below zero when the stream is over.
   */
  streamRoom(connection: number, id: number): number
  /** Sends the first `size` bytes of the memory, which are items; then as `streamRoom`. */
  sendItems(connection: number, id: number, size: number): number
  /** A code of 0: without an error. */
  endStream(connection: number, id: number, code: number, message: string, details: number): Failed
  /** So many items of a stream of the peer's have been taken, which were `size` bytes as `itemsBytes` counts. */
  consumeStream(connection: number, id: number, items: number, size: number): Failed
  cancelStream(connection: number, id: number): Failed

  /**
   * `callWith` of a call that passes these references of this side's, or that calls one of the other side's, which has come
   * over the connection `on` and is named by `name` in errors; of a method it is 0. A retained reference is a number below zero.
   */
  callReferences(
    client: number,
    token: number,
    method: number,
    payload: number,
    metadata: number,
    flags: number,
    timeout: number,
    streams: number,
    references: readonly number[],
    on: number,
    name: string | undefined,
  ): Failed
  /** The server at which calls of references arrive. Once only. */
  serveReferences(): number
  forgetReference(reference: number): Failed
  /** Whether somebody may still call it. */
  sharesReference(reference: number): boolean
  /** A retained one of the other side's, which has come so many times over the connection, is needed no more. */
  releaseReference(connection: number, reference: number, times: number): Failed

  /** The client that calls the other side of a connection, whoever has dialled. */
  peerClient(connection: number): number
  /** Those who are connected to a server, the oldest first. */
  peers(server: number): NativePeer[]
  /** Undefined when the connection has ended. */
  peer(connection: number): NativePeer | undefined

  /**
   * The first bytes of a long message of this batch, by its number; and what is attached to it, where it lies: what is written
   * there is seen by nobody else. Once only.
   */
  copyMessage(number: number, into: Buffer): ArrayBuffer[] | undefined
  /**
   * What is attached to the message that is sent next, if `Control.attached` says so: bytes, or the parts that they lie in. Nothing
   * may come between that could change where they are.
   */
  attach(attached: readonly (Uint8Array | readonly Uint8Array[])[]): void
  /** Memory that is sent without a copy, or a copy's where this engine has no other; undefined where there is none. */
  allocate(bytes: number): ArrayBuffer | undefined
  /** Empties a buffer that lies in memory of the native side, which is free from now on; of others nothing happens. */
  releaseMemory(buffer: ArrayBufferLike): void

  /** Blocks the thread for up to so many ms, until there are events: how many, as of a batch. */
  wait(milliseconds: number): number
  /** Takes some microseconds for what follows at once upon the events of this batch: how many, as of a batch. */
  readOn(): number
  /** Has `onBatch` called, where no event comes with none. */
  deliverLater(): void
}

/** What one check of the doctor has found. */
export interface Finding {
  readonly check: string
  /** A warning: everything works, and could work better. */
  readonly verdict: 'ok' | 'warning' | 'fault'
  readonly found: string
  /** What to do; '' when all is well. */
  readonly remedy: string
}

export type Failed = number | undefined

/** What `callWith` returns of a notification for which there is no room: it was dropped, and counted in the status. */
export const dropped = 0

/** Memory that both sides use, each on the JavaScript thread. */
export interface Shared {
  /** A row of `rowWords` numbers an event. */
  table: Uint32Array
  /** The bytes that the rows point into. */
  slab: Buffer
  /** Numbers by Control. */
  control: Int32Array
}

export const rowWords = 16

/** Names of the core's numbers that are asked for seldom; of states and codes in the order of their numbers. */
interface Numbers {
  readonly callFlag: { readonly notify: number; readonly idempotent: number; readonly failFast: number }
  /** Who says how a call ended: the callee, or this side after the callee may have begun it. */
  readonly ending: { readonly remoteError: number; readonly maybeRun: number }
  readonly takeover: { readonly wait: number; readonly fail: number; readonly replace: number }
  /** In ms. */
  readonly defaultGrace: number
  /** The least that a limit in bytes may be. */
  readonly leastLimitBytes: number
  /** How many calls may wait for one another, each made by the handler of the one before. */
  readonly maxNestedCalls: number
  /** The method by which every service describes itself. */
  readonly describe: string
}

// What is read for every message is written out here, where the engine takes it for constant; a test compares it with
// the rest of `numbers`.

/** The numbers in a row of the table; core/endpoint/event_batch.hpp says which kinds have which. */
export const Column = {
  kind: 0,
  owner: 1,
  /** The token of a call, or the number of an inbound call; of a released reference its id, in two words. */
  token: 2,
  tokenHigh: 3,
  method: 3,
  state: 3,
  code: 4,
  timeoutLow: 4,
  timeoutHigh: 5,
  /** Of an outcome: of `numbers.ending`. */
  ending: 5,
  payloadStart: 6,
  payloadEnd: 7,
  messageStart: 8,
  messageEnd: 9,
  metadataStart: 8,
  metadataEnd: 9,
  /** 0: payload and metadata are in the slab; else in the long message of this number, counted from 1 (see `copyMessage`). */
  longMessage: 10,
  /** Of an inbound call: of Flag. */
  flags: 11,
  /** Of stream items: how many, and what they were in bytes as the window counts, in two words. */
  items: 3,
  itemsBytes: 4,
  itemsBytesHigh: 5,
  /** How many streams the message carries, times `oneStream`. */
  streams: 11,
  connectionLow: 12,
  connectionHigh: 13,
  /** The stream's id, or that of the first of several; of an inbound call its own, which those of its streams follow. */
  streamLow: 14,
  streamHigh: 15,
} as const

export const Kind = {
  outcome: 0,
  inboundCall: 1,
  cancel: 2,
  clientState: 3,
  serverState: 4,
  room: 5,
  streamsOpen: 6,
  streamRoom: 7,
  streamCancel: 8,
  streamItems: 9,
  streamEnd: 10,
  referenceReleased: 11,
} as const

export const oneStream = 4

/** From this size on bytes and arrays are attached to the message: where memory is shared they are in it then. */
export const attachedFrom = 15 * 1024

/** In one message. */
export const maxAttachments = 256

const high = 0x1_0000_0000
const highestBit = 0x8000_0000

/** An id of 64 bits as the number that it crosses as: bindings/node/wide_ids.hpp. */
export function wideNumber(upper: number, lower: number): number {
  return upper < highestBit ? upper * high + lower : -((upper - highestBit) * high + lower)
}

export const Flag = {
  notify: 1,
  /** The payload begins with the id of the reference that is called, a u64. */
  reference: 2,
} as const

export const Control = {
  /** How many things are pending that keep the process alive. */
  keepAlive: 0,
  /** Not zero: never spin. */
  noSpin: 1,
  /** How many items may be sent of each stream that `replyWith` has opened; 0: `streamRoom` has it told. */
  room: 2,
  /** Not zero: the message that is sent next has what was given to `attach`. */
  attached: 3,
} as const

/** What is undefined here and below, the core knows the default of. */
interface NativeLimits {
  maxMessageBytes: number | undefined
  maxPendingBytes: number | undefined
  maxPendingCalls: number | undefined
  streamWindowItems: number | undefined
  streamWindowBytes: number | undefined
  allow: (number | string)[]
}

export interface NativeConnectOptions extends NativeLimits {
  addresses: string[]
  connectTimeout: number | undefined
  maxQueuedBytes: number | undefined
  /** The attached server that the other side may call. */
  serves: number | undefined
  /** That the service is told. */
  name: string
  /** It connects with the first call. */
  lazy: boolean
}

export interface NativeServeOptions extends NativeLimits {
  address: string
  /** Listens nowhere: it serves those whom clients connect to. */
  attached: boolean
  methods: string[]
  /** Of each method the group within which one call runs at a time; 0, and of those beyond the end: none. */
  serialGroups: number[]
  shared: boolean
  /** Of `numbers.takeover`. */
  takeover: number
  takeoverTimeout: number | undefined
  mode: number | undefined
  maxBytesPerUser: number | undefined
}

/** The other side of a connection. */
export interface NativePeer {
  connection: number
  /** null: of another PID namespace, or machine. */
  pid: number | null
  uid: number | null
  /** Its own choice; may be empty. */
  name: string
  /** Empty: unknown. */
  language: '' | 'c++' | 'javascript' | 'python'
}
