import { readFileSync } from 'node:fs'
import { type ElfFile, readElf } from './elf'
import { type Libc, platforms } from './platforms'

/** What decides which binary runs here: of the running executable, not of the kernel. */
export interface Machine {
  /** As `process.platform`. */
  readonly platform: string
  /** As `process.arch`. */
  readonly arch: string
  /** undefined: the platform has only one, or nothing could be found out. */
  readonly libc: Libc | undefined
}

export function runningMachine(): Machine {
  const { platform, arch } = process
  return { platform, arch, libc: platforms[platform]?.libcs.length ? runningLibc() : undefined }
}

/** The folder of js/native that has the binary for it; without what is not known of it. */
export function machineName({ platform, arch, libc }: Machine): string {
  return libc === undefined ? `${platform}-${arch}` : `${platform}-${arch}-${libc}`
}

/** The C library that a binary asks for. */
export function libcOf({ libraries }: ElfFile): Libc | undefined {
  if (libraries.includes('libc.so.6')) return 'glibc'
  return libraries.some(name => /^libc\.(musl-|so$)/.test(name)) ? 'musl' : undefined
}

// process.report knows it too, and takes many milliseconds.
function runningLibc(): Libc | undefined {
  return libcOfLoader(executableLoader()) ?? libcOfLoader(mappedFiles())
}

function libcOfLoader(text: string): Libc | undefined {
  if (/\/ld-musl-|\/libc\.so$/m.test(text)) return 'musl'
  return /\/ld-linux|\/ld64\.so|\/libc\.so\.6|\/libc-2\./.test(text) ? 'glibc' : undefined
}

function executableLoader(): string {
  try {
    return readElf(process.execPath)?.interpreter ?? ''
  } catch {
    return '' // replaced while it runs, or not to be read
  }
}

/** Where the executable was started by naming the loader, it is the loader that runs. */
function mappedFiles(): string {
  try {
    return readFileSync('/proc/self/maps', 'latin1')
  } catch {
    return ''
  }
}
