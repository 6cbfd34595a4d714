import { log } from '../log'

/** Milliseconds between two lines of a client. */
const interval = 1000

/** The notifications of one client that were not taken: nobody waits for them, so the log tells of them, now and then. */
export class Dropped {
  private count = 0
  private nextLine = 0

  constructor(private readonly addresses: readonly string[]) {}

  add(): void {
    this.count++
    const now = performance.now()
    if (now < this.nextLine) return
    this.nextLine = now + interval
    const what = this.count === 1 ? 'a notification was' : `${this.count} notifications were`
    this.count = 0
    log(
      `ipcbridge: ${this.addresses.join(', ')}: ${what} dropped: the queue of calls is full, or there is no connection`,
    )
  }
}
