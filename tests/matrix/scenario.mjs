// The scenario, for whatever runs JavaScript: nothing but ipcbridge and what all of them have, and apache-arrow where it is
// installed. scenario.py is the same in Python.
//
//   serve ADDRESS…    one service at each; says `up`, and `gone` for each `hang` whose caller has gone
//   call ADDRESS…     goes through the steps at each, and has the service close
//   hang ADDRESS…     says `hanging` when a call at each has begun
//   lose ADDRESS…     kills the service in the middle of a call at each
//   abandon ADDRESS…  (Python) ends while daemon threads are in the middle of calls at each
//
// `call` and `lose` say `ok STEP TRANSPORT` or `not ok STEP TRANSPORT: why`. All end by themselves, and close nothing but
// the service.

import assert from 'node:assert'
import process from 'node:process'
import ipc from 'ipcbridge'
import { hanging, rejects, service, steps } from './steps.mjs'

const say = line => process.stdout.write(`${line}\n`)
const transportOf = address => address.slice(0, address.indexOf(':'))

async function step(name, address, work) {
  try {
    await work()
    say(`ok ${name} ${transportOf(address)}`)
  } catch (error) {
    say(`not ok ${name} ${transportOf(address)}: ${String(error?.stack ?? error).replace(/\s*\n\s*/g, ' | ')}`)
  }
}

const commands = {
  async serve(...addresses) {
    const servers = []
    const close = () => {
      for (const server of servers) server.close()
    }
    for (const address of addresses)
      servers.push(
        await ipc.serve(
          address,
          service(() => say('gone'), close),
        ),
      )
    say('up')
  },
  async call(...addresses) {
    let remote
    for (const address of addresses) {
      remote = await ipc.connect(address)
      await step('transport', address, () => assert.strictEqual(ipc.status(remote).transport, transportOf(address)))
      for (const [name, work] of Object.entries(steps)) await step(name, address, () => work(remote))
    }
    await remote.leave()
  },
  async hang(...addresses) {
    for (const address of addresses) await hanging(await ipc.connect(address))
    say('hanging')
  },
  async lose(...addresses) {
    const calls = []
    let pid
    for (const address of addresses) {
      const remote = await ipc.connect(address)
      pid = await remote.pid()
      calls.push((await hanging(remote)).call)
    }
    process.kill(pid, 'SIGKILL')
    for (const [index, address] of addresses.entries()) {
      await step('loss', address, () => rejects(calls[index], { code: 'unavailable', sent: 'maybe' }))
    }
  },
}

const [command, ...addresses] = process.argv.slice(2)
commands[command](...addresses)
