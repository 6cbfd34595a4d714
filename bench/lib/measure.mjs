// Runs a lane: server up, client up, one work after the other, both down.
import { MAIN_DIRECTIONS } from './lanes.mjs'
import { Process } from './processes.mjs'

const START_SECONDS = 20

/** A lane with its processes running. */
export class Running {
  static #count = 0

  static async start(lane, { directory, broker }) {
    if (lane.missing) throw new Error(lane.missing)
    if (lane.way.broker && broker.missing) throw new Error(broker.missing)
    const running = new Running()
    try {
      await running.#start(lane, directory, broker)
      return running
    } catch (error) {
      await running.stop()
      throw error
    }
  }

  async #start(lane, directory, broker) {
    const name = `${lane.way.id}-${Running.#count++}`
    this.pids = lane.way.broker ? [broker.pid] : []
    this.client = new Process(lane.client, lane.way.env)
    if (lane.way.stdio) {
      this.childArgv = lane.server
    } else {
      const wanted = lane.way.broker ? `${broker.address}/${name}` : (lane.way.address?.(directory, name) ?? 'any')
      this.server = new Process([...lane.server, wanted], lane.way.env)
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

/** The settings of the works that a lane is put through. */
export function laneWorks({ seconds, warmup, quick, works }, direction) {
  const all = {
    burst: ['bursts', { calls: 30, repeats: quick ? 5 : 10, pause: 0.008, warmup }],
    spaced: ['spaced', { calls: 30, gap: 0.008, warmup: 0.1 }],
    one: ['one', { seconds, warmup }],
    many: ['many', { depth: 64, seconds, warmup }],
  }
  const asPeopleFirstMeasure = ['burst', 'spaced']
  const wanted = name =>
    works.includes(name) && (MAIN_DIRECTIONS.includes(direction) || !asPeopleFirstMeasure.includes(name))
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted(name)))
}

/** { work: result or { error } }; throws when the lane cannot start. */
export async function measure(lane, settings, context) {
  const running = await Running.start(lane, context)
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
