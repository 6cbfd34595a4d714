// Mosquitto on loopback, on a port of its own, for as long as the run lasts.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

export function mosquittoVersion() {
  const { stdout } = spawnSync('mosquitto', ['-h'], { env, encoding: 'utf8' })
  return /version (\S+)/.exec(stdout ?? '')?.[1] ?? null
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function answers(port) {
  const socket = net.connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** { address, pid, stop } or { missing: reason }. */
export async function startBroker(directory) {
  if (!mosquittoVersion()) return { missing: 'mosquitto is not installed (bench/install.sh)' }
  const port = await freePort()
  const config = `${directory}/mosquitto.conf`
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence false
log_type error
max_queued_messages 0
max_inflight_messages 0
${process.getuid() === 0 ? 'user root\n' : ''}`,
  )
  const child = spawn('mosquitto', ['-c', config], { env, stdio: 'ignore' })
  process.on('exit', () => child.kill('SIGKILL'))
  const stop = async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  for (let tries = 0; tries < 100; tries++) {
    if (child.exitCode !== null) return { missing: `mosquitto ended with code ${child.exitCode}` }
    if (await answers(port)) return { address: `mqtt://127.0.0.1:${port}`, pid: child.pid, stop }
    await sleep(50)
  }
  return { missing: 'mosquitto did not start to listen' }
}
