import { readFileSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import type { ElfFile } from './elf'
import { libcOf, type Machine, machineName } from './machine'
import { type InstalledPackage, machinesWithAddon } from './package'
import { refusedPermission } from './permission'
import { platforms, releasedMachines } from './platforms'

/** Why a binary cannot be used, and what to do about it: two sentences. */
export interface Fault {
  readonly cause: string
  readonly remedy: string
}

const nodeApi = 8

/** A binary made here replaces whatever is there. */
export function buildRemedy({ isCheckout }: InstalledPackage): string {
  if (isCheckout) return 'Run `make build`.'
  return 'Run `npx ipcbridge-build`: it builds the addon here, with CMake and a C++20 compiler.'
}

/** What is in the package of the release, once more. */
function reinstallRemedy({ version }: InstalledPackage): string {
  return `Run \`npm install --force ipcbridge@${version}\`, or \`npx ipcbridge-build\`, which builds it here.`
}

/** What makes it useless to look for a binary. */
export function machineFault({ platform, arch }: Machine): Fault | undefined {
  const ported = platforms[platform]
  if (ported === undefined) {
    const names = Object.values(platforms).map(each => each?.name)
    return {
      cause: `ipcbridge runs on ${names.join(' and ')}, and this is ${platform}`,
      remedy: 'Run the program in Linux: in a container, in a virtual machine, on Windows in WSL.',
    }
  }
  if (!ported.architectures.includes(arch)) {
    const remedy = `Run it on a processor, or with a Node.js, of ${ported.architectures.join(' or ')}.`
    return { cause: `ipcbridge has not been ported to ${arch}`, remedy }
  }
  const { napi = nodeApi } = process.versions
  if (Number(napi) < nodeApi) {
    const cause = `this Node.js has Node-API version ${napi}, and ipcbridge needs ${nodeApi}`
    return { cause, remedy: 'Install Node.js 16.9 or later.' }
  }
  return undefined
}

/** Code in a bundle looks for the binary beside the bundle. js/unbundled.mjs says the same, and can import nothing. */
export const bundled: Fault = {
  cause: 'this code has been copied out of its package, by a bundler most likely, and the addon is not beside it',
  remedy:
    'Mark ipcbridge as external and install it beside the bundle: esbuild `--external:ipcbridge`; ' +
    "webpack `externals: { ipcbridge: 'commonjs ipcbridge' }`, where its output is an ES module `'module ipcbridge'`; " +
    "Vite `ssr: { external: ['ipcbridge'] }`; Next.js `serverExternalPackages: ['ipcbridge']`.",
}

/** Deno, and Node.js with --permission, let no program read files or load addons that was not started so. */
export function permissionFault(error: unknown): Fault | undefined {
  const refused = refusedPermission(error)
  if (refused === undefined) return undefined
  return {
    cause: `${refused.runtime} permits this program no ${refused.name} access`,
    remedy: refused.runtime === 'Deno' ? 'Start it with --allow-ffi and --allow-read.' : `Start it ${nodePermissions}.`,
  }
}

/** In node_modules is acorn, too, which reads the parameters of handlers. Each refusal tells of one permission. */
const nodePermissions = 'with --allow-addons, and with --allow-fs-read for the folder node_modules'

/** What can be seen without loading the file; a file that is cut off would end the process. */
export function fileFault(file: string, machine: Machine, installed: InstalledPackage): Fault | undefined {
  const platform = platforms[machine.platform]
  let binary: ElfFile | undefined
  try {
    binary = platform?.readBinary(file)
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return isMissing ? missingFault(file, machine, installed) : accessFault(file, error, installed)
  }
  const fault = (what: string) => damageFault(file, what, installed)
  if (binary === undefined) return fault(`is no ${platform?.format} binary`)
  if (binary.architecture !== machine.arch) return fault(`is for ${binary.architecture}, and this is ${machine.arch}`)
  if (!binary.isComplete) return fault('is truncated')
  const libc = libcOf(binary)
  if (machine.libc !== undefined && libc !== undefined && libc !== machine.libc) {
    return fault(`is for ${libc}, and this Node.js runs with ${machine.libc}`)
  }
  return undefined
}

/** A release has a good binary in this place. */
function isReleased(file: string, { isCheckout }: InstalledPackage): boolean {
  return !isCheckout && releasedMachines.includes(basename(dirname(file)))
}

function damageFault(file: string, what: string, installed: InstalledPackage): Fault {
  if (!isReleased(file, installed)) return { cause: `the file ${what}`, remedy: buildRemedy(installed) }
  const name = join(basename(dirname(file)), basename(file))
  return { cause: `the installation is damaged: ${name} ${what}`, remedy: reinstallRemedy(installed) }
}

function missingFault(file: string, machine: Machine, installed: InstalledPackage): Fault {
  if (isReleased(file, installed)) return damageFault(file, 'is missing', installed)
  const others = machinesWithAddon(installed.root)
  const instead = others.length > 0 ? `only for ${others.join(', ')}` : 'nor for any other machine'
  return { cause: `the package has no binary for ${machineName(machine)}, ${instead}`, remedy: buildRemedy(installed) }
}

function accessFault(file: string, error: unknown, { root }: InstalledPackage): Fault {
  const refused = permissionFault(error)
  if (refused !== undefined) return refused
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== 'EACCES' && code !== 'EPERM') return { cause: message, remedy: `See to it that ${file} can be read.` }
  const user = process.getuid?.()
  return {
    cause: `${user === undefined ? 'this user' : `the user with uid ${user}`} may not read it`,
    remedy: `As its owner, run \`chmod -R a+rX '${root}'\`; the folders above must be open, too.`,
  }
}

/** What the dynamic loader, or Node.js, says of a file that looked well. */
export function loadFault(file: string, error: unknown, installed: InstalledPackage): Fault {
  const refused = permissionFault(error)
  if (refused !== undefined) return refused
  const { code, message } = error as NodeJS.ErrnoException
  const fault = (cause: string) => ({ cause, remedy: buildRemedy(installed) })
  const version = /version [`'](\w+)_([\d.]+)' not found/.exec(message)
  if (version !== null) {
    const library = version[1] === 'GLIBC' ? 'glibc' : 'libstdc++'
    return fault(`the binary needs ${library} with ${version[1]}_${version[2]}, and the one of this system is older`)
  }
  const missing = /(?:^|shared library )([^\s:/]+): (?:cannot open shared object file: )?No such file/m.exec(message)
  if (missing !== null) return fault(`the library ${missing[1]} is missing`)
  if (code === 'ERR_DLOPEN_DISABLED') {
    return {
      cause: 'this Node.js loads no addons',
      remedy: `Start it without --no-addons; where it has --permission, ${nodePermissions}.`,
    }
  }
  const mount = noexecMount(file)
  if (mount !== undefined) {
    return {
      cause: `${mount} is mounted noexec, so that nothing can be loaded from there`,
      remedy: `Install the package elsewhere, or, as root, run \`mount -o remount,exec '${mount}'\`.`,
    }
  }
  return fault(message)
}

/** The JavaScript of one version beside the addon of another. */
export function versionFault(addonVersion: string, installed: InstalledPackage): Fault {
  const remedy = installed.isCheckout ? buildRemedy(installed) : reinstallRemedy(installed)
  return { cause: `the addon is of ipcbridge ${addonVersion}, and the package of ${installed.version}`, remedy }
}

/** The mounted folder that the file is in, if nothing in it may be executed. */
function noexecMount(file: string): string | undefined {
  let mounts: string
  try {
    mounts = readFileSync('/proc/self/mountinfo', 'utf8')
  } catch {
    return undefined
  }
  let deepest = { point: '', isNoexec: false }
  for (const line of mounts.split('\n')) {
    const [, , , , escaped = '', options = ''] = line.split(' ')
    const point = escaped.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    const holdsFile = point === sep || file.startsWith(point + sep)
    // Of several mounted at one place the last one is on top.
    if (holdsFile && point.length >= deepest.point.length) {
      deepest = { point, isNoexec: options.split(',').includes('noexec') }
    }
  }
  return deepest.isNoexec ? deepest.point : undefined
}
