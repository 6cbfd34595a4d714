import { type ElfFile, readElf } from './elf'

/** The C libraries of Linux: a binary runs with the one that it was built for. */
export type Libc = 'glibc' | 'musl'

/** What is known of the binaries of a platform. */
interface Platform {
  /** As people call it. */
  readonly name: string
  /** As `process.arch`. */
  readonly architectures: readonly string[]
  /** Those that a binary may be built for; none where the platform has one. */
  readonly libcs: readonly Libc[]
  /** Headers of such a binary, and undefined for what is none. Throws what `openSync` does. */
  readonly readBinary: (path: string) => ElfFile | undefined
  readonly format: string
}

/** Those that ipcbridge has been ported to, by `process.platform`. A port adds a row: docs/porting.md. */
export const platforms: Readonly<Partial<Record<string, Platform>>> = {
  linux: {
    name: 'Linux',
    architectures: ['x64', 'arm64'],
    libcs: ['glibc', 'musl'],
    readBinary: readElf,
    format: 'ELF',
  },
}

/**
 * Those whose binary is in the package of each release, by the names of their folders: as in release/machines.py. Where one of these
 * is not as it should be, the installation has been damaged.
 */
export const releasedMachines: readonly string[] = ['linux-x64-glibc', 'linux-arm64-glibc', 'linux-x64-musl']
