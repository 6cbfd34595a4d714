// Programs in processes of their own. A program is the text of a module that sees `ipc`, `say(message)` and
// `argv`; it says something when there is something to wait for.

import { spawn } from 'node:child_process'
import { once } from 'node:events'

const prelude = `
  import ipc from 'ipcbridge'
  const argv = JSON.parse(process.env.PROGRAM_ARGV)
  const say = message => process.send(message)
  const hear = () => new Promise(resolve => process.once('message', message => { resolve(message); process.channel.unref() }))
  // Listening to the parent keeps no process alive here: what does is what the tests are about.
  process.channel.unref()
`

export function start(t, program, { argv = {}, env = {}, under = [] } = {}) {
  const [command, ...args] = [...under, process.execPath, '--input-type=module', '--eval', prelude + program]
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, PROGRAM_ARGV: JSON.stringify(argv), ...env },
    cwd: new URL('.', import.meta.url),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  const waiting = []
  const said = []
  child.on('message', message => {
    const next = waiting.shift()
    if (next) next(message)
    else said.push(message)
  })
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    pid: child.pid,
    ended,
    kill: signal => child.kill(signal),
    /** From now on nobody reads it. */
    leaveStderr: () => child.stderr.destroy(),
    tell: message => child.send(message),
    /** What the program says next. */
    heard: () => {
      if (said.length > 0) return Promise.resolve(said.shift())
      const next = new Promise(resolve => waiting.push(resolve))
      const died = ended.then(({ code, signal }) => {
        throw new Error(`the program ended (${signal ?? code}) instead:\n${stderr}`)
      })
      return Promise.race([next, died])
    },
  }
}

/** Runs a program to its end. */
export function run(t, program, options) {
  return start(t, program, options).ended
}
