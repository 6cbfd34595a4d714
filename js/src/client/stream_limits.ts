import { IpcError, withSent } from '../errors'
import type { InboundStream } from '../streams/inbound'
import { whenAborted } from './abort'
import type { Settings } from './settings'

/** What of a call's options ends the streams of its result. */
export class StreamLimits {
  private readonly deadline: number

  /** `aborted` makes the error for an aborted signal. */
  constructor(
    private readonly method: string,
    private readonly settings: Settings,
    private readonly aborted: (signal: AbortSignal) => IpcError,
  ) {
    this.deadline = performance.now() + settings.timeout
  }

  apply(stream: InboundStream): void {
    const { signal, timeout, idleTimeout } = this.settings
    const late = (what: string) => () =>
      withSent(new IpcError('deadline_exceeded', `${this.method}(): ${what}`), 'maybe')
    stream.limit({
      deadline: this.deadline,
      idleTimeout,
      late: late(`its stream has not ended within the timeout of ${timeout} ms`),
      idle: late(`no item of its stream has come within the idleTimeout of ${idleTimeout} ms`),
    })
    if (signal === undefined) return
    const abort = () => stream.fail(this.aborted(signal))
    stream.whenOver = whenAborted(signal, abort)
    if (signal.aborted) abort()
  }
}
