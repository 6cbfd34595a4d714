// One version of the service: node service.mjs VERSION. SIGTERM ends it when its calls and streams have ended.
import { setTimeout } from 'node:timers/promises'
import ipc from 'ipcbridge'

const version = process.argv[2] ?? 'v1'

const server = await ipc.serve('renderer', {
  render: async page => {
    await setTimeout(5)
    return `${page} by ${version}`
  },
  async *log(lines) {
    for (let line = 1; line <= lines; line++) {
      await setTimeout(5)
      yield `${version}: line ${line}`
    }
  },
})
ipc.closeOnSignals(server, { grace: 30_000, exitCode: 0 })
console.log('ready')
