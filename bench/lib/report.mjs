// How a worker or server process talks to the harness: one line of JSON on stdout each time.
import { createInterface } from 'node:readline'

export const MARK = '{"bench":'

export function report(message) {
  process.stdout.write(`${MARK}${JSON.stringify(message)}}\n`)
}

export function reportError(error) {
  report({ error: `${error?.code ? `${error.code}: ` : ''}${error?.message ?? error}`.split('\n')[0] })
}

/** Lines of JSON from the harness; the process ends when the harness does. */
export async function* commands() {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line)
  process.exit(0)
}
