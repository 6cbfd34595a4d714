// Bytes behind their length to a child process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { frameCalls } from '../../lib/byte_frames.mjs'

export async function connect(_address, { server }) {
  const child = spawn(server[0], server.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child, 'spawn')
  return {
    ...frameCalls(child.stdin, child.stdout),
    pids: [child.pid],
    close: async () => {
      const exit = once(child, 'exit')
      child.stdin.end()
      await exit
    },
  }
}
