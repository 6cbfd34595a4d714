// What `status()` and the listeners of `onState` tell.

/** docs/connections.md tells what each means. */
export type ClientState = 'connecting' | 'ready' | 'reconnecting' | 'disconnected' | 'closed'

/** One address of a client's list, or one of the servers that share it. */
export interface LinkStatus {
  state: ClientState
  /** As it was given to `connect`; of a server that shares it, `@` and its number follow. */
  address: string
  /** 'shm', 'unix' or 'inproc'; null while there is no connection. */
  transport: string | null
  /** Why shared memory is not used where it might have been. */
  fallbackReason: string | null
  /** The process at the other end, as the kernel says; null while there is no connection. */
  peer: { pid: number | null; uid: number } | null
  /** Sent over shared memory and not read by the service: it is stopped, or its event loop is blocked. */
  unreadBytes: number
  /**
   * The method in which the service has been for long, if it tells: read from shared memory, so that a service which
   * answers nothing is seen. docs/connections.md says which services tell.
   */
  busy: { method: string; ms: number } | null
  /** Calls of the service to functions, objects and methods of this side that are not answered yet: callbacks. */
  runningCalls: number
  /** Of either side. */
  openStreams: number
  /**
   * Of these, those of this side that make no items because the other side has not read what it was sent: how many, and for how
   * long one has waited, at most. null where none waits.
   */
  stalledStreams: StalledStreams | null
  /** Of these, those of the other side of which all that has come is read: what follows is up to the other side. */
  awaitedStreams: number
}

/** Streams that wait for their readers. */
export interface StalledStreams {
  count: number
  /** How long the one that waits for longest has waited. */
  ms: number
}

/**
 * All addresses together, joined by commas: transport and peer are of the first that is connected, and `busy` of the
 * service that has been busy for longest; numbers are sums.
 */
export interface ClientStatus extends LinkStatus {
  /** Sent and not answered. */
  pendingCalls: number
  /** Waiting on this side. */
  queuedCalls: number
  queuedBytes: number
  /** Notifications that were not taken: the queue was full, or nobody was there and `waitForReady` is false. */
  droppedNotifications: number
  /** Each address, in the order of the list; in place of one that servers share, behind the others, those it is connected to. */
  links: LinkStatus[]
}

/** 'closing': calls that have begun may finish, others are refused. */
export type ServerState = 'starting' | 'listening' | 'closing' | 'closed'

/** How a service is doing. */
export interface ServerStatus {
  state: ServerState
  /** As it was given to `serve`. */
  address: string
  /** Of the socket file, its own also where the address is shared; of a server that has been closed, where it was. */
  path: string
  connections: number
  /** Of these, those over shared memory. */
  shmConnections: number
  /** Requests that are not answered yet. */
  runningCalls: number
  /** Calls to functions, objects and methods of the clients that are not answered yet: callbacks. */
  pendingCalls: number
  /** The streams of all connections, as of a client. */
  openStreams: number
  stalledStreams: StalledStreams | null
  awaitedStreams: number
}
