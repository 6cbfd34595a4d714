#!/usr/bin/env node
import { installedPackage } from '../addon/package'
import { examine } from './doctor'
import { faultsOf, jsonOf, reportOf } from './report'

const usage = `Usage: npx ipcbridge doctor [--json]
       npx ipcbridge --version

Checks what ipcbridge needs of this machine and this Node.js, and tells a remedy for each fault.

  --json  print a JSON array of the findings

The exit code is 0 where there is no fault, 1 where there is one, and 2 for other arguments.
`

function main(args: readonly string[]): number {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage)
    return 0
  }
  if (args.length === 1 && args[0] === '--version') {
    process.stdout.write(`${installedPackage()?.version ?? 'unknown'}\n`)
    return 0
  }
  const [command, ...options] = args
  const wrong = mistakeIn(command, options)
  if (command === undefined || wrong !== undefined) {
    process.stderr.write(wrong === undefined ? usage : `ipcbridge: ${wrong}\n${usage}`)
    return 2
  }
  const findings = examine()
  process.stdout.write(`${options.length > 0 ? jsonOf(findings) : reportOf(findings)}\n`)
  return faultsOf(findings) > 0 ? 1 : 0
}

/** The first argument that it does not know. */
function mistakeIn(command: string | undefined, options: readonly string[]): string | undefined {
  const isCommand = command === undefined || command === 'doctor'
  const unknown = isCommand ? options.find(option => option !== '--json') : command
  if (unknown === undefined) return undefined
  if (unknown.startsWith('-')) return `unknown option ${unknown}`
  return `unknown ${isCommand ? 'argument' : 'command'} ${unknown}`
}

process.exitCode = main(process.argv.slice(2))
