import { release, type } from 'node:os'
import { type AddonSearch, searchAddon } from '../addon/load'
import { machineName } from '../addon/machine'
import { isError } from '../brand'
import type { Finding, Native } from '../native'

/** What this Node.js and this package are like, and what the core finds of the machine. Never throws. */
export function examine(): Finding[] {
  const search = searchAddon()
  return [
    ...guarded('Node.js', () => [ok('Node.js', runtime())]),
    ...guarded('package', () => [ok('package', packageOf(search))]),
    ...guarded('native module', () => [checkAddon(search)]),
    ...guarded('core', () => checkMachine(search)),
  ]
}

/** What a check finds. One that fails itself is a fault, and keeps none of the others from being seen. */
function guarded(check: string, look: () => Finding[]): Finding[] {
  try {
    return look()
  } catch (error) {
    const found = `the check failed: ${oneLine(isError(error) ? error.message : String(error))}`
    return [{ check, verdict: 'fault', found, remedy: 'report it as a bug of ipcbridge, with this line' }]
  }
}

/** Whether it will do, the search for the addon has found out. */
function runtime(): string {
  const versions: Record<string, string | undefined> = process.versions
  const other = ['bun', 'deno'].find(name => versions[name] !== undefined)
  const name = other === undefined ? `Node.js ${versions.node}` : `${other} ${versions[other]}`
  return `${name}, Node-API ${versions.napi ?? 'none'}, ${process.execPath}`
}

function packageOf({ installed }: AddonSearch): string {
  if (installed === undefined) return `unknown: ${__dirname} is not in it`
  return `ipcbridge ${installed.version} in ${installed.root}${installed.isCheckout ? ', a checkout' : ''}`
}

function checkAddon({ machine, tried, addon, fault }: AddonSearch): Finding {
  if (addon !== undefined)
    return ok('native module', `${tried[tried.length - 1]}, because this is ${machineName(machine)}`)
  const files = tried.length > 0 ? `, tried: ${tried.join(', ')}` : ''
  const found = oneLine(`it does not load: ${fault?.cause}${files}`)
  return { check: 'native module', verdict: 'fault', found, remedy: oneLine(fault?.remedy ?? '') }
}

/** Without the core, what Node.js itself knows. */
function checkMachine({ machine, addon }: AddonSearch): Finding[] {
  if (addon !== undefined) return (addon.create() as Native).examine()
  return [ok('platform', `${type()} ${release()}, ${machineName(machine)}; the rest cannot be checked`)]
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}

function ok(check: string, found: string): Finding {
  return { check, verdict: 'ok', found, remedy: '' }
}
