// How many references of this process its tables hold.

import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const owned = require('../../../js/dist/references/owned.js')
const arrival = require('../../../js/dist/references/arrival.js')

/** Of this process's functions and objects that others may call. */
export const ownedCount = () => owned.ownedCount()

/** Of retained ones of others that somebody here may hold. */
export const arrivedCount = () => arrival.arrivedCount()
