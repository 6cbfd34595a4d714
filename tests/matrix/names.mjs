// Serves and calls by name, in a directory of names that the program itself says.

import assert from 'node:assert'
import process from 'node:process'
import ipc from 'ipcbridge'

async function main([directory]) {
  process.env.IPCBRIDGE_DIR = directory
  const server = await ipc.serve('named', { ping: () => 'pong' })
  assert.strictEqual(ipc.status(server).path, `${directory}/named.sock`)
  const remote = await ipc.connect('named')
  assert.strictEqual(await remote.ping(), 'pong')
  server.close()
  process.stdout.write('ok\n')
}

main(process.argv.slice(2))
