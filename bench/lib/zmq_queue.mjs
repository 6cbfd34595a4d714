/** zeromq.js allows one `send` at a time; this keeps the rest in order behind it. */
export class SendQueue {
  #socket
  #waiting = []
  #sending = false

  constructor(socket) {
    this.#socket = socket
  }

  push(message) {
    this.#waiting.push(message)
    if (!this.#sending) this.#drain()
  }

  async #drain() {
    this.#sending = true
    for (let i = 0; i < this.#waiting.length; i++) await this.#socket.send(this.#waiting[i])
    this.#waiting.length = 0
    this.#sending = false
  }
}
