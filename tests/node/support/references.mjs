// How many references of this process its tables hold.

import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const owned = require('../../../js/dist/references/owned.js')
const stubs = require('../../../js/dist/client/stubs.js')
const { clientOver } = require('../../../js/dist/client/peers.js')
const { Received } = require('../../../js/dist/client/received.js')
const arrival = require('../../../js/dist/references/arrival.js')

/** Of this process's functions and objects that others may call. */
export const ownedCount = () => owned.ownedCount()

/** Of retained ones of others that somebody here may hold. */
export const arrivedCount = () => arrival.arrivedCount()

/** A reference of the same connection as a stub, which the other side has not given. */
export function forge(stub) {
  const { connection, id } = stubs.stubHandle(stub).received
  return new Received(clientOver(connection), connection, id - 1_000_000)
}
