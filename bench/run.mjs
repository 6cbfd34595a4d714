// Measures ipcbridge beside the ways people use today; see README.md.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { startBroker } from './lib/broker.mjs'
import { chart } from './lib/chart.mjs'
import { extras } from './lib/extras.mjs'
import { machine, machineLines } from './lib/machine.mjs'
import { measure, worksOf } from './lib/measure.mjs'
import { measurements } from './lib/measurements.mjs'
import { options } from './lib/options.mjs'
import { payloadChart } from './lib/payload_chart.mjs'
import { random, shuffled } from './lib/shuffle.mjs'
import { summarise } from './lib/summary.mjs'
import { markdown } from './lib/tables.mjs'

const tell = line => process.stderr.write(`${line}\n`)

async function rounds(settings, context) {
  const jobs = [
    ...measurements(settings)
      .map(measurement => [measurement, worksOf(settings, measurement)])
      .filter(([, works]) => Object.keys(works).length)
      .map(([measurement, works]) => ({
        id: measurement.id,
        measurement,
        run: () => measure(measurement, works, context),
      })),
    ...extras(settings, context),
  ]
  const next = random(settings.seed)
  const results = Object.fromEntries(
    jobs.map(({ id, measurement }) => [
      id,
      { way: measurement?.way.id, direction: measurement?.direction, rounds: [] },
    ]),
  )
  for (let round = 0; round < settings.rounds; round++) {
    const order = shuffled(jobs, next)
    for (const [at, job] of order.entries()) {
      const result = results[job.id]
      if (result.unavailable || round >= (job.rounds ?? settings.rounds)) continue
      const begin = Date.now()
      try {
        result.rounds.push(await job.run())
      } catch (error) {
        // What never ran will not run in the next round either.
        if (result.rounds.length) result.rounds.push({ error: error.message })
        else result.unavailable = error.message
      }
      const note = result.unavailable
        ? `not available: ${result.unavailable}`
        : `${((Date.now() - begin) / 1000).toFixed(1)} s`
      tell(`round ${round + 1}/${settings.rounds}, ${at + 1}/${order.length}: ${job.id}  ${note}`)
    }
  }
  return results
}

async function main() {
  const settings = options(process.argv.slice(2))
  const out = settings.out ?? fileURLToPath(new URL('results', import.meta.url))
  const directory = mkdtempSync(`${os.tmpdir()}/bench-`)
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

  const about = machine()
  for (const line of machineLines(about)) tell(line)
  tell(`seed ${settings.seed}, ${settings.rounds} rounds`)
  const begin = Date.now()
  const broker = await startBroker(directory)
  const results = await rounds(settings, { directory, broker })
  await broker.stop?.()
  const report = {
    date: new Date().toISOString(),
    took_s: Math.round((Date.now() - begin) / 1000),
    settings,
    machine: about,
    summary: summarise(results),
    results,
  }

  mkdirSync(out, { recursive: true })
  const text = markdown(report)
  writeFileSync(`${out}/${settings.name}.json`, `${JSON.stringify(report, null, 1)}\n`)
  writeFileSync(`${out}/${settings.name}.md`, text)
  writeFileSync(`${out}/${settings.quick ? 'quick' : 'latency'}.svg`, chart(report.summary))
  const payload = payloadChart(report.summary)
  if (payload) writeFileSync(`${out}/${settings.quick ? 'quick-payload' : 'payload'}.svg`, payload)
  console.log(text)
  process.exit(0)
}

try {
  await main()
} catch (error) {
  tell(`bench: ${error.message}`)
  process.exit(1)
}
