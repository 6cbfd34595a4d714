// The client process: `node worker.mjs CLIENT_MODULE`, then one JSON command a line on stdin.
import { pathToFileURL } from 'node:url'
import { array, arrayOnce, arraysDropped, frames } from './array_loops.mjs'
import { beside, bursts, many, one, spaced } from './loops.mjs'
import { listOfRecords, payload } from './payload_loops.mjs'
import { commands, report, reportError } from './report.mjs'
import { blocked, callbacks, first, items } from './stream_loops.mjs'

/** The way's own call; or, where a work names methods of the service, these in turn. */
function callOf(client, { methods }) {
  if (!methods) return client.call
  const calls = methods.map(name => client.method(name))
  if (calls.length === 1) return calls[0]
  let next = 0
  return text => calls[next++ % calls.length](text)
}

const works = {
  bursts: (client, options) => bursts(client.call, options),
  spaced: (client, options) => spaced(client.call, options),
  one: (client, options) => one(callOf(client, options), options),
  many: (client, options) => many(callOf(client, options), options),
  items: (client, options) => items(client[options.member], options),
  first: (client, options) => first(client.call, client.stream, options),
  callbacks: (client, options) => callbacks(client.call, client.callBack, options),
  blocked: (client, options) => blocked(client.call, client.callBlocking, options),
  beside: (client, options) => beside(client.call, client.slow, options),
  payload,
  records: listOfRecords,
  array,
  'array-once': arrayOnce,
  'arrays-dropped': arraysDropped,
  frames,
}

async function openAll(module, command) {
  const clients = []
  for (let i = 0; i < command.connections; i++) clients.push(await module.connect(command.address, command))
  return clients
}

/** The same load spread over many connections, in turn. */
async function spread(clients, options) {
  let next = 0
  return many(text => clients[next++ % clients.length].call(text), options)
}

async function run(module, command, held) {
  if (command.work === 'hold') {
    held.push(...(await openAll(module, command)))
    for (const client of held) await client.call('abcdefghij')
    return { held: held.length }
  }
  const clients = await openAll(module, { connections: 1, ...command })
  const pids = [process.pid, ...command.pids, ...clients.flatMap(client => client.pids ?? [])]
  try {
    if (command.work === 'spread') return await spread(clients, { ...command, pids })
    const result = await works[command.work](clients[0], { ...command, pids })
    // ipcbridge falls back from shared memory to the socket by itself; a result must say which it was.
    const transport = clients[0].transport?.()
    return transport ? { ...result, transport } : result
  } finally {
    for (const client of clients) await client.close()
  }
}

try {
  const module = await import(pathToFileURL(process.argv[2]))
  report({ ready: true })
  const held = []
  for await (const command of commands()) {
    try {
      report({ result: await run(module, command, held) })
    } catch (error) {
      reportError(error)
    }
  }
} catch (error) {
  reportError(error)
  process.exit(1)
}
