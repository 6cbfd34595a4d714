#!/usr/bin/env node
import { examine } from './doctor'
import { faultsOf, jsonOf, reportOf } from './report'

const usage = `Usage: npx ipcbridge doctor [--json]

Checks what ipcbridge needs of this machine and this Node.js, and tells a remedy for each fault.

  --json  print a JSON array of the findings

The exit code is 0 where there is no fault, 1 where there is one, and 2 for other arguments.
`

function main(args: readonly string[]): number {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage)
    return 0
  }
  const [command, ...options] = args
  if (command !== 'doctor' || options.some(option => option !== '--json')) {
    process.stderr.write(usage)
    return 2
  }
  const findings = examine()
  process.stdout.write(`${options.length > 0 ? jsonOf(findings) : reportOf(findings)}\n`)
  return faultsOf(findings) > 0 ? 1 : 0
}

process.exitCode = main(process.argv.slice(2))
