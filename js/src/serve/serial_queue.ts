/** Begins its work; a promise of the end where it is not over yet. The promise never rejects. */
type Task = () => Promise<void> | undefined

/** Runs one task at a time, in order. */
export class SerialQueue {
  private waiting: Task[] = []
  /** Of `waiting` those before are done: to take the first out of a long array costs a copy of it. */
  private next = 0
  private busy = false

  add(task: Task): void {
    this.waiting.push(task)
    if (!this.busy) this.work()
  }

  private work(): void {
    this.busy = true
    for (let task = this.take(); task !== undefined; task = this.take()) {
      const end = task()
      if (end === undefined) continue
      void end.finally(() => this.work())
      return
    }
    this.busy = false
  }

  private take(): Task | undefined {
    const task = this.waiting[this.next]
    if (task !== undefined) this.next++
    if (2 * this.next > this.waiting.length) {
      this.waiting = this.waiting.slice(this.next)
      this.next = 0
    }
    return task
  }
}
