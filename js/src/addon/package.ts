import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { refusedPermission } from './permission'

/** Where this copy of ipcbridge is installed. */
export interface InstalledPackage {
  readonly root: string
  readonly version: string
  /** It is a checkout of the sources. */
  readonly isCheckout: boolean
}

/** undefined: this code has been copied out of its package, as bundlers do. Throws what the runtime does if it may not be read. */
export function installedPackage(): InstalledPackage | undefined {
  if (typeof __dirname === 'undefined') return undefined
  const dist = basename(__dirname) === 'addon' ? dirname(__dirname) : __dirname // where this file has been joined
  const root = join(dist, '..', '..')
  if (dist !== join(root, 'js', 'dist')) return undefined
  try {
    const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, string>
    if (name !== 'ipcbridge' || version === undefined) return undefined
    return { root, version, isCheckout: existsSync(join(root, 'Makefile')) }
  } catch (error) {
    if (refusedPermission(error) !== undefined) throw error
    return undefined
  }
}

/** Where the binary for a machine is to be. */
export function addonFile(root: string, machineName: string): string {
  return join(root, 'js', 'native', machineName, 'ipcbridge.node')
}

/** The machines for which there are binaries, as far as can be seen. */
export function machinesWithAddon(root: string): string[] {
  try {
    return readdirSync(join(root, 'js', 'native')).filter(name => existsSync(addonFile(root, name)))
  } catch {
    return []
  }
}
