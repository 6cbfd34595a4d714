import { mostItems, Producer } from './producer'

// As it was before a test replaced it by its own.
const { setImmediate } = globalThis

/** So many items are made before the clock is looked at. */
const clockInterval = 8

/** Of an iterator whose items are there when they are asked for. */
export class SyncProducer extends Producer {
  declare protected readonly iterator: Iterator<unknown>
  protected readonly isAsync = false
  /** How many items a message may have: the first is not to wait for others, nor are those of an iterator that is slow. */
  private most = 1
  private madeInSlice = 0
  private isScheduled = false

  start(room: number): void {
    this.room = room
    this.onRoom()
  }

  onRoom(): void {
    if (!this.isScheduled && this.mayGoOn()) this.produce()
  }

  private produce(): void {
    this.beginSlice()
    this.madeInSlice = 0
    while (this.room > 0) {
      if (!this.host.run(this.makeItems) || !this.flush()) return
      if (this.isTimeUp()) {
        this.most = Math.max(1, Math.min(this.madeInSlice >>> 2, mostItems))
        this.isScheduled = true
        setImmediate(this.goOn)
        return
      }
      this.most = Math.min(2 * this.most, mostItems)
    }
  }

  private readonly goOn = (): void => {
    this.isScheduled = false
    // While it was scheduled, an event of room went by.
    if (this.mayGoOn()) this.produce()
  }

  /** Those of one message. False when the stream has ended. */
  private readonly makeItems = (): boolean => {
    const most = Math.min(this.most, this.room)
    do {
      let item: unknown
      try {
        const step = this.iterator.next()
        if (step.done) {
          this.finish()
          return false
        }
        item = step.value
      } catch (error) {
        this.fail(error)
        return false
      }
      if (!this.add(item)) return false
      this.madeInSlice++
      if (this.unsent % clockInterval === 0 && this.isTimeUp()) break
    } while (!this.isFull(most))
    return true
  }
}
