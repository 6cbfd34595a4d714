// Bytes as base64 in JSON lines to a child process, as JSON has no bytes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export async function connect(_address, { server }) {
  const child = spawn(server[0], server.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child, 'spawn')
  let waiting = null
  child.stdout.setEncoding('utf8')
  // An answer is a short line, and comes whole.
  child.stdout.on('data', line => waiting.resolve(JSON.parse(line)[1]))
  child.once('exit', () => waiting?.reject(new Error('the child process ended')))
  child.stdin.on('error', error => waiting?.reject(error))
  let next = 0
  return {
    countBytes: data =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        child.stdin.write(`${JSON.stringify([next++, 'count_bytes', [data.toString('base64')]])}\n`)
      }),
    pids: [child.pid],
    close: async () => {
      const exit = once(child, 'exit')
      child.stdin.end()
      await exit
    },
  }
}
