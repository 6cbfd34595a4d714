// JSON lines to a child process; what is sent in one turn goes out in one write.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PendingCalls, TurnBatch } from '../../lib/envelope.mjs'

export async function connect(_address, { server }) {
  const child = spawn(server[0], server.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child, 'spawn')
  const pending = new PendingCalls()
  const batch = new TurnBatch(lines => child.stdin.write(lines.join('')))
  let rest = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', chunk => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) pending.settle(line)
  })
  child.once('exit', () => pending.fail(new Error('the child process ended')))
  const send = json => batch.push(`${json}\n`)
  // The first answer says that the child is up, as `connect` does for the other ways.
  const call = text => pending.start('upper', [text], send)
  await call('')
  return {
    call,
    pids: [child.pid],
    close: async () => {
      const exit = once(child, 'exit')
      child.stdin.end()
      await exit
    },
  }
}
