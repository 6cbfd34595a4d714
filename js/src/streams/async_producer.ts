import { mostItems, Producer } from './producer'

// As they were before a test replaced them by its own.
const { setImmediate } = globalThis
const { nextTick } = process

/** So many items are sent or made before the clock is looked at. */
const clockInterval = 8

/**
 * Of an iterator whose items are to be awaited. Those that come in one run of the microtask queue are sent together: when it
 * has ended, the iterator waits for something.
 */
export class AsyncProducer extends Producer {
  protected readonly isAsync = true
  private isInSlice = false
  private made = 0
  /** Ends the wait for room. */
  private wake: (() => void) | undefined

  start(room: number): void {
    this.room = room
    this.host.runAsync(() => void this.produce())
  }

  onRoom(): void {
    this.wake?.()
  }

  override onCancel(): void {
    super.onCancel()
    this.wake?.()
  }

  /** Never rejects. */
  private async produce(): Promise<void> {
    while (this.mayGoOn()) {
      if (this.room === 0) await new Promise<void>(this.waitForRoom)
      else if (!this.flush() || !(await this.makeItems())) return
    }
  }

  private readonly waitForRoom = (resolve: () => void): void => {
    this.wake = resolve
  }

  /**
   * For as long as there is room; where there is none for the last item, because the one before took all, it is sent when there
   * is. False when the stream has ended.
   */
  private async makeItems(): Promise<boolean> {
    while (this.room > 0) {
      let item: unknown
      try {
        const step = await (this.iterator as AsyncIterator<unknown>).next()
        if (this.isOver) return false
        if (step.done) {
          this.finish()
          return false
        }
        item = step.value
      } catch (error) {
        if (!this.isOver) this.fail(error)
        return false
      }
      if (!this.add(item)) return false
      if (!this.isInSlice) this.enterSlice()
      if (this.isFull(Math.min(mostItems, this.room)) && !this.flush()) return false
      if (++this.made % clockInterval === 0 && this.isTimeUp()) {
        if (!this.flush()) return false
        await new Promise(setImmediate)
        if (this.isOver) return false
      }
    }
    return true
  }

  private enterSlice(): void {
    this.isInSlice = true
    this.beginSlice()
    nextTick(this.leaveSlice)
  }

  private readonly leaveSlice = (): void => {
    this.isInSlice = false
    this.flush()
  }
}
