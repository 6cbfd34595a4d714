import type { IpcError } from './errors'
import { failure, throwLater } from './runtime'

/** Is called on the event loop of the thread that connected or serves; `reason` says why, if there is a reason. */
export type Listener<State> = (state: State, reason?: IpcError) => void

/** The state of a client or server, who wants to hear of it, and who waits for its end. */
export class StateTracker<State extends string> {
  private readonly listeners = new Set<Listener<State>>()
  reason: IpcError | undefined

  /** `onListened` is told when the first listener comes, and when the last has gone. */
  constructor(
    public current: State,
    private readonly names: readonly State[],
    private readonly onListened: (isListened: boolean) => void = () => {},
  ) {}

  /** Calls `listener` at every change from now on; the function returned ends that. */
  listen(listener: Listener<State>): () => void {
    // A wrapper, so that the same function may listen twice.
    const entry: Listener<State> = (state, reason) => listener(state, reason)
    this.listeners.add(entry)
    if (this.listeners.size === 1) this.onListened(true)
    return () => {
      if (this.listeners.delete(entry) && this.listeners.size === 0) this.onListened(false)
    }
  }

  /** A change, as the native side tells of it. */
  change(state: number, code: number, message: string): void {
    this.current = this.names[state] as State
    this.reason = code === 0 ? undefined : failure(code, message)
    for (const listener of [...this.listeners]) {
      try {
        listener(this.current, this.reason)
      } catch (error) {
        throwLater(error) // the listener's own affair
      }
    }
  }

  /** Settles at the first change that `settle` returns true for. */
  next(settle: (state: State) => boolean): Promise<void> {
    return new Promise(resolve => {
      const end = this.listen(state => {
        if (!settle(state)) return
        end()
        resolve()
      })
    })
  }
}
