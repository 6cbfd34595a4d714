import type { Socket } from 'node:net'

// As they are now: tests replace them by clocks of their own.
const { setTimeout, clearTimeout } = globalThis
const now = performance.now.bind(performance)

const mostQueued = 1 << 20

/** What a flow is told by its link. */
export interface Pace {
  /** In ms. */
  readonly delay: number
  readonly isPaused: boolean
}

/** One direction of a connection: passes bytes on, as late as its link says. */
export class Flow {
  private readonly queue: { due: number; bytes: Buffer }[] = []
  private queued = 0
  private lastDue = 0
  private isRead = false
  private isBlocked = false
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly source: Socket,
    private readonly sink: Socket,
    private readonly pace: Pace,
  ) {
    source.on('data', bytes => this.take(bytes as Buffer))
    source.on('end', () => {
      this.isRead = true
      this.go()
    })
    sink.on('drain', () => {
      this.isBlocked = false
      this.go()
    })
    this.go()
  }

  private take(bytes: Buffer): void {
    this.lastDue = Math.max(this.lastDue, now() + this.pace.delay) // what was sent later never overtakes
    this.queue.push({ due: this.lastDue, bytes })
    this.queued += bytes.length
    this.go()
  }

  /** Passes on what is due, and looks again when more is. */
  go(): void {
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.timer = undefined
    if (this.pace.isPaused) {
      this.source.pause()
      return
    }
    this.write()
    if (this.queued < mostQueued) this.source.resume()
    else this.source.pause()
    const [first] = this.queue
    if (first === undefined) {
      if (this.isRead) this.sink.end()
    } else if (!this.isBlocked) {
      this.timer = setTimeout(() => this.go(), Math.max(1, first.due - now()))
      this.timer.unref()
    }
  }

  private write(): void {
    while (!this.isBlocked) {
      const [first] = this.queue
      if (first === undefined || first.due > now()) return
      this.queue.shift()
      this.queued -= first.bytes.length
      this.isBlocked = !this.sink.write(first.bytes)
    }
  }

  end(): void {
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.queue.length = 0
  }
}
