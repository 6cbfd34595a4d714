// Commands run as an ordinary user, in a folder and with a home of its own, with nothing on PATH but what is named.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

const nobody = 65534
const isRoot = process.getuid() === 0

/** How the machine reaches the registries. */
const network = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /cert|ca_bundle|proxy|index_url|registry/i.test(name)),
)

/** Options of child_process. */
export function asUser(options) {
  return isRoot ? { ...options, uid: nobody, gid: nobody } : options
}

export class User {
  /** Of `programs`, `node` and `npm` are those that run the tests, and absolute paths are taken as they are. */
  constructor(t, programs = ['node', 'npm', 'sh']) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'ipcbridge-user-')))
    this.started = new Set()
    t.after(() => this.leave())
    this.bin = join(this.folder, 'bin')
    this.home = join(this.folder, 'home')
    for (const folder of [this.folder, this.bin, this.home]) this.own(mkdirSync(folder, { recursive: true }) ?? folder)
    for (const program of programs) this.give(program)
    this.env = { ...network, HOME: this.home, PATH: this.bin, LANG: 'C.UTF-8', CI: '1', NO_COLOR: '1' }
    // Of the standalone servers of Next.js; a free port.
    Object.assign(this.env, { HOSTNAME: '127.0.0.1', PORT: '0' })
    this.env.NEXT_TELEMETRY_DISABLED = this.env.YARN_ENABLE_TELEMETRY = this.env.npm_config_update_notifier = '0'
  }

  own(path) {
    if (isRoot) chownSync(path, nobody, nobody)
  }

  /** Puts a program on PATH. */
  give(program, name = program.split('/').at(-1)) {
    symlinkSync(program === 'node' ? process.execPath : located(program), join(this.bin, name))
  }

  /** An empty folder. */
  project(name, files = {}) {
    const folder = join(this.home, name)
    mkdirSync(folder, { recursive: true })
    this.own(folder)
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, path)
      for (let parent = dirname(file); parent !== folder; parent = dirname(parent)) {
        mkdirSync(parent, { recursive: true })
        this.own(parent)
      }
      writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, undefined, 2))
      this.own(file)
    }
    return folder
  }

  start(cwd, command, ...args) {
    const child = spawn(command, args, asUser({ cwd, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] }))
    const ended = once(child, 'close')
    ended.catch(() => {}) // told to whoever waits for it
    this.started.add(child)
    child.on('close', () => this.started.delete(child))
    return Object.assign(child, { ended })
  }

  async leave() {
    for (const child of [...this.started]) {
      child.kill('SIGKILL')
      await child.ended
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  /** What it prints; with what it says, throws when it fails. */
  async run(cwd, command, ...args) {
    const { status, stdout, stderr } = await this.try(cwd, command, ...args)
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}\n${stderr}`)
    return stdout
  }

  async try(cwd, command, ...args) {
    const child = this.start(cwd, command, ...args)
    const texts = ['', '']
    for (const [index, stream] of [child.stdout, child.stderr].entries()) {
      stream.setEncoding('utf8').on('data', text => {
        texts[index] += text
      })
    }
    const [code, signal] = await child.ended
    return { status: code ?? signal, stdout: texts[0], stderr: texts[1] }
  }
}

function located(program) {
  if (program.startsWith('/')) return program
  for (const folder of process.env.PATH.split(delimiter)) {
    try {
      return realpathSync(join(folder, program))
    } catch {} // not in this one
  }
  throw new Error(`${program} is not on PATH: ${execFileSync('sh', ['-c', 'echo $PATH'], { encoding: 'utf8' })}`)
}
