/** Begins its work; a promise of the end where it is not over yet. The promise never rejects. */
type Task = () => Promise<void> | undefined

/** Runs one task at a time, in order. */
export class SerialQueue {
  private readonly waiting: Task[] = []
  private busy = false

  add(task: Task): void {
    this.waiting.push(task)
    if (!this.busy) this.work()
  }

  private work(): void {
    this.busy = true
    for (let task = this.waiting.shift(); task !== undefined; task = this.waiting.shift()) {
      const end = task()
      if (end === undefined) continue
      void end.finally(() => this.work())
      return
    }
    this.busy = false
  }
}
