import { IpcError, withSent } from '../errors'
import type { InboundStream } from '../streams/inbound'
import { abortError, whenAborted } from './abort'
import type { Settings } from './settings'

/** What of a call's options ends the streams of its result. */
export class StreamLimits {
  private readonly deadline: number

  constructor(
    private readonly method: string,
    private readonly settings: Settings,
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
    const abort = () => stream.fail(abortError(this.method, signal, 'maybe'))
    stream.whenOver = whenAborted(signal, abort)
    if (signal.aborted) abort()
  }
}
