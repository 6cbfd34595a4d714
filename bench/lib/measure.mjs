// Runs a measurement: server up, client up, one work after the other, both down.
import { Process } from './processes.mjs'

const START_SECONDS = 20

/** A measurement with its processes running. */
export class Running {
  static #count = 0

  static async start(measurement, { directory, broker }) {
    if (measurement.missing) throw new Error(measurement.missing)
    if (measurement.way.broker && broker.missing) throw new Error(broker.missing)
    const running = new Running()
    try {
      await running.#start(measurement, directory, broker)
      return running
    } catch (error) {
      await running.stop()
      throw error
    }
  }

  async #start(measurement, directory, broker) {
    const name = `${measurement.way.id}-${Running.#count++}`
    this.pids = measurement.way.broker ? [broker.pid] : []
    this.client = new Process(measurement.client, measurement.way.env)
    if (measurement.way.stdio) {
      this.childArgv = measurement.server
    } else {
      const wanted = measurement.way.broker
        ? `${broker.address}/${name}`
        : (measurement.way.address?.(directory, name) ?? 'any')
      this.server = new Process([...measurement.server, wanted], measurement.way.env)
      this.address = (await this.server.next(START_SECONDS)).address
      this.pids.push(this.server.pid)
    }
    await this.client.next(START_SECONDS)
  }

  /** One work on a connection of its own. */
  run(work, settings = {}, seconds = 30) {
    return this.client.request(
      { work, address: this.address ?? null, server: this.childArgv, pids: this.pids, ...settings },
      seconds,
    )
  }

  async stop() {
    await this.client?.stop()
    await this.server?.stop()
  }
}

const WORKS_OF_DIRECTION = {
  'node-python': ['burst', 'spaced', 'one', 'many'],
  'python-node': ['burst', 'spaced', 'one', 'many'],
  'python-python': ['one', 'many'],
  'asyncio-node': ['one', 'many'],
  'node-async': ['one', 'many', 'suspending', 'plain', 'alternating', 'alternating-many'],
  'python-async': ['one'],
}
// They need a service that has plain handlers beside `async def`, which the servers of the other ways are not.
const WORKS_OF_MIXED_SERVICE = ['plain', 'alternating', 'alternating-many']
const ALTERNATING = ['upper', 'upper_plain']

/** The settings of the works that a measurement is put through. */
export function worksOf({ seconds, warmup, quick, works }, { way, direction }) {
  const all = {
    burst: ['bursts', { calls: 30, repeats: quick ? 5 : 10, pause: 0.008, warmup }],
    spaced: ['spaced', { calls: 30, gap: 0.008, warmup: 0.1 }],
    one: ['one', { seconds, warmup }],
    many: ['many', { depth: 64, seconds, warmup }],
    suspending: ['one', { methods: ['upper_suspending'], seconds, warmup }],
    plain: ['one', { methods: ['upper_plain'], seconds, warmup }],
    alternating: ['one', { methods: ALTERNATING, seconds, warmup }],
    'alternating-many': ['many', { methods: ALTERNATING, depth: 64, seconds, warmup }],
  }
  const wanted = WORKS_OF_DIRECTION[direction].filter(
    name => works.includes(name) && (way.module === 'ipcbridge' || !WORKS_OF_MIXED_SERVICE.includes(name)),
  )
  return Object.fromEntries(wanted.map(name => [name, all[name]]))
}

/** { work: result or { error } }; throws when the measurement cannot start. */
export async function measure(measurement, settings, context) {
  const running = await Running.start(measurement, context)
  const results = {}
  try {
    for (const [name, [work, workSettings]] of Object.entries(settings)) {
      try {
        results[name] = await running.run(work, workSettings)
      } catch (error) {
        results[name] = { error: error.message }
        if (error.timeout) break // the worker is stuck; its other works would be, too
      }
    }
  } finally {
    await running.stop()
  }
  return results
}
