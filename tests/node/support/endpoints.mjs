import ipc from 'ipcbridge'
import { freshAddress } from './names.mjs'

/** A service and a client of it, both closed when the test ends. */
export async function serveAndConnect(t, target, { address = freshAddress('name'), serve, connect } = {}) {
  const server = await ipc.serve(address, target, serve)
  t.after(() => server.close({ grace: 0 }))
  const remote = await ipc.connect(address, connect)
  t.after(() => ipc.close(remote))
  return { server, remote, address }
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
