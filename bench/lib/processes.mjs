// The processes of a run. Each leads a process group, so that nothing it starts can outlive the run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { MARK } from './report.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const running = new Set()

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}

export function killAll() {
  for (const child of running) killGroup(child.pid)
}

process.on('exit', killAll)
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  process.on(signal, () => process.exit(code))
}

export class Process {
  #child
  #messages = []
  #waiting = null
  #stderr = ''
  #exit

  constructor(argv, env = {}) {
    this.#child = spawn(argv[0], argv.slice(1), { detached: true, stdio: 'pipe', env: { ...process.env, ...env } })
    running.add(this.#child)
    this.#exit = once(this.#child, 'close').catch(error => this.#settle({ error: error.message }))
    this.#exit.then(() => {
      running.delete(this.#child)
      this.#settle({ error: `the process ended: ${this.lastWords()}` })
    })
    this.#child.stdin.on('error', () => {}) // its end is told by `close`
    this.#child.stderr.on('data', data => (this.#stderr = (this.#stderr + data).slice(-4000)))
    createInterface({ input: this.#child.stdout }).on('line', line => {
      if (line.startsWith(MARK)) this.#settle(JSON.parse(line).bench)
    })
  }

  get pid() {
    return this.#child.pid
  }

  lastWords() {
    return this.#stderr.trim().split('\n').at(-1) || 'without a word'
  }

  send(command) {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`)
  }

  /** The next message; throws what the process reports as an error, and when it is silent for too long. */
  async next(seconds) {
    let timer
    const silence = new Promise(resolve => {
      timer = setTimeout(resolve, seconds * 1000, { error: `no answer within ${seconds} s`, timeout: true })
    })
    const message = await Promise.race([this.#take(), silence])
    clearTimeout(timer)
    if (message.error) {
      const reason = message.error.replaceAll(ROOT, '') // results are published: no paths of this machine
      throw Object.assign(new Error(reason), { timeout: message.timeout ?? false })
    }
    return message
  }

  async request(command, seconds) {
    this.send(command)
    return (await this.next(seconds)).result
  }

  async stop() {
    killGroup(this.#child.pid)
    await this.#exit
  }

  #take() {
    if (this.#messages.length) return Promise.resolve(this.#messages.shift())
    return new Promise(resolve => (this.#waiting = resolve))
  }

  #settle(message) {
    if (!this.#waiting) return this.#messages.push(message)
    this.#waiting(message)
    this.#waiting = null
  }
}
