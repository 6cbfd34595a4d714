import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bundled, type Fault, fileFault, loadFault, machineFault, permissionFault, versionFault } from './faults'
import { type Machine, machineName, runningMachine } from './machine'
import { addonFile, type InstalledPackage, installedPackage } from './package'
import { platforms } from './platforms'

/** What the addon exports: it may be loaded once and used by several copies of this JavaScript, so that it keeps nothing itself. */
export interface Addon {
  readonly version: string
  create(): unknown
}

/** What came of looking for the addon of this machine. */
export interface AddonSearch {
  readonly machine: Machine
  readonly installed: InstalledPackage | undefined
  /** In the order in which they were tried. */
  readonly tried: readonly string[]
  /** Either this, from the last file that was tried … */
  readonly addon?: Addon
  /** … or this, with what was thrown, if anything was. */
  readonly fault?: Fault
  readonly error?: unknown
}

/** Loads the binary for this machine. It is an Error and no IpcError that says why there is none: nothing has been called yet. */
export function loadAddon(): Addon {
  const search = searchAddon()
  if (search.addon !== undefined) return search.addon
  throw new Error(explanation(search), search.error === undefined ? undefined : { cause: search.error })
}

/** Never throws. */
export function searchAddon(): AddonSearch {
  const machine = runningMachine()
  let installed: InstalledPackage | undefined
  try {
    installed = installedPackage()
  } catch (error) {
    return { machine, installed, tried: [], fault: permissionFault(error) ?? bundled, error }
  }
  if (installed === undefined) return { machine, installed, tried: [], fault: bundled }
  const search = { machine, installed, tried: [] as string[] }
  const unfit = machineFault(machine)
  if (unfit !== undefined) return { ...search, fault: unfit }
  let found: Found = {}
  for (const file of candidates(installed.root, machine)) {
    search.tried.push(file)
    found = tryFile(file, machine, installed)
    if (found.addon !== undefined) break
  }
  return { ...search, ...found }
}

/** Several files, where it could not be found out which C library runs. */
function candidates(root: string, machine: Machine): string[] {
  const { libcs = [] } = platforms[machine.platform] ?? {}
  if (machine.libc !== undefined || libcs.length === 0) return [addonFile(root, machineName(machine))]
  const names = libcs.map(libc => machineName({ ...machine, libc }))
  const existing = existingOf(names)
  return (existing.length > 0 ? existing : names).map(name => addonFile(root, name))
}

function existingOf(names: readonly string[]): string[] {
  try {
    // In these words, from where this file has been joined: Next.js finds by them which files a program needs.
    return names.filter(name => existsSync(join(__dirname, '..', 'native', name, 'ipcbridge.node')))
  } catch {
    return [] // Node.js with --permission may not even look
  }
}

type Found = Pick<AddonSearch, 'addon' | 'fault' | 'error'>

function tryFile(file: string, machine: Machine, installed: InstalledPackage): Found {
  const fault = fileFault(file, machine, installed)
  if (fault !== undefined) return { fault }
  try {
    const addon = require(file) as Addon
    return addon.version === installed.version ? { addon } : { fault: versionFault(addon.version, installed) }
  } catch (error) {
    return { fault: loadFault(file, error, installed), error }
  }
}

function explanation({ machine, tried, fault }: AddonSearch): string {
  const { node, napi } = process.versions
  const lines = [
    `ipcbridge's native addon does not load: ${fault?.cause}.`,
    ...tried.map(file => `  tried: ${file}`),
    `  platform: ${machineName(machine)}, Node.js ${node} (Node-API ${napi})`,
  ]
  return [...lines, `${fault?.remedy}`].join('\n')
}
