// The steps of the scenario in Vitest. MATRIX_ADDRESS is of a service.

import process from 'node:process'
import ipc from 'ipcbridge'
import { afterAll, beforeAll, test } from 'vitest'
import { service, steps } from './steps.mjs'

const own = `${process.env.MATRIX_ADDRESS}-own`
let [remote, server, self] = []

beforeAll(async () => {
  server = await ipc.serve(
    own,
    service(() => {}, null),
  )
  remote = await ipc.connect(process.env.MATRIX_ADDRESS)
  self = await ipc.connect(own)
})

afterAll(async () => {
  await ipc.close(remote)
  await ipc.close(self)
  await server.close()
})

test.each(Object.keys(steps))('%s', name => steps[name](remote))

test.each(['calls', 'streams', 'callbacks', 'references'])('%s of its own service', name => steps[name](self))
