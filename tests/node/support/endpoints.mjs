import ipc from 'ipcbridge'
import { start } from './children.mjs'
import { freshName } from './names.mjs'

/** A service that is closed when the test ends. */
export async function serve(t, address, target, options) {
  const server = await ipc.serve(address, target, options)
  t.after(() => server.close({ grace: 0 }))
  return server
}

/** A client that is closed when the test ends. */
export async function connect(t, address, options) {
  const remote = await ipc.connect(address, options)
  t.after(() => ipc.close(remote))
  return remote
}

/** A service and a client of it. */
export async function serveAndConnect(t, target, options = {}) {
  const { address = freshName() } = options
  const server = await serve(t, address, target, options.serve)
  const remote = await connect(t, address, options.connect)
  return { server, remote, address }
}

const simpleTarget = '{ echo: x => x, pid: () => process.pid, hang: () => new Promise(() => {}) }'

/** A process that serves; `target` is JavaScript text, and `then` what it does when it serves. */
export function startService(t, address, { target = simpleTarget, then = '' } = {}) {
  const program = `const server = await ipc.serve(argv.address, ${target}); ${then}; say('up')`
  return start(t, program, { argv: { address } })
}

/** Such a process that serves already. */
export async function serveElsewhere(t, address, options) {
  const child = startService(t, address, options)
  await child.heard()
  return child
}

/** Such a process, and a client of it in this one. */
export async function serveElsewhereAndConnect(t, { address = freshName(), ...options } = {}) {
  const child = await serveElsewhere(t, address, options)
  return { address, child, remote: await connect(t, address) }
}

/** Kills the service and waits until its client knows. */
export async function lose(child, remote) {
  const lost = reaches(remote, 'reconnecting')
  child.kill('SIGKILL')
  await lost
}

/** A function that, once called, waits until it is let go. */
export function gate() {
  const [entered, opened] = [deferred(), deferred()]
  const wait = () => {
    entered.resolve()
    return opened.promise
  }
  return { wait, entered: entered.promise, open: opened.resolve }
}

/** A promise with its ends outside. */
export function deferred() {
  const ends = {}
  ends.promise = new Promise((resolve, reject) => Object.assign(ends, { resolve, reject }))
  return ends
}

/** Resolves when the client or server gets into the state. */
export function reaches(endpoint, wanted) {
  return new Promise(resolve => {
    if (ipc.status(endpoint).state === wanted) return resolve(undefined)
    const end = ipc.onState(endpoint, (state, reason) => {
      if (state !== wanted) return
      end()
      resolve(reason)
    })
  })
}
