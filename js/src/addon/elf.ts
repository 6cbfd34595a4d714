import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** What the headers of an ELF file say. */
export interface ElfFile {
  /** In Node's own words where it has one. */
  readonly architecture: string
  /** False: it is shorter than its headers say. Loading it would end the process with SIGBUS. */
  readonly isComplete: boolean
  /** Of an executable: the dynamic loader that starts it. */
  readonly interpreter: string | undefined
  /** The shared libraries that it asks for. */
  readonly libraries: readonly string[]
}

const architectures: Record<number, string> = {
  3: 'ia32',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
}

const headerBytes = 64
const programHeaderBytes = 56
const sectionHeaderBytes = 64
/** Programs have some ten of them. */
const mostProgramHeaders = 128
/** Of dynamic sections and string tables: those of an addon have some kilobytes. */
const mostTableBytes = 16 * 1024 * 1024
const Segment = { load: 1, dynamic: 2, interpreter: 3 }
const Dynamic = { needed: 1, stringTable: 5, stringTableBytes: 10 }

interface ProgramHeader {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly bytes: number
}

/** undefined: it is no ELF file. Throws what `openSync` does. */
export function readElf(path: string): ElfFile | undefined {
  const file = openSync(path, 'r')
  try {
    return parse((offset, bytes) => readAt(file, offset, bytes), fstatSync(file).size)
  } finally {
    closeSync(file)
  }
}

type Read = (offset: number, bytes: number) => Buffer

/** As many of the bytes as there are. */
function readAt(file: number, offset: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(Math.min(bytes, mostTableBytes))
  return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, offset))
}

function parse(read: Read, size: number): ElfFile | undefined {
  const header = read(0, headerBytes)
  if (header.length < 20 || header.readUInt32BE(0) !== 0x7f454c46) return undefined
  const is64Bits = header[4] === 2
  const isLittleEndian = header[5] === 1
  const machine = isLittleEndian ? header.readUInt16LE(18) : header.readUInt16BE(18)
  const architecture = architectures[machine] ?? `machine ${machine} of ELF`
  const incomplete = { architecture, isComplete: false, interpreter: undefined, libraries: [] }
  if (header.length < headerBytes) return incomplete
  // Of machines for which ipcbridge does not exist, no more is asked.
  if (!is64Bits || !isLittleEndian) return { ...incomplete, isComplete: true }
  const tableEnd = number(header, 32) + header.readUInt16LE(56) * programHeaderBytes
  if (tableEnd > size) return incomplete // maybe beyond what can be read from
  const segments = programHeaders(read, header)
  const sections = number(header, 40)
  const ends = segments.map(({ offset, bytes }) => offset + bytes)
  if (sections > 0) ends.push(sections + header.readUInt16LE(60) * sectionHeaderBytes)
  if (segments.length === 0 || Math.max(...ends) > size) return incomplete
  const interpreter = segments.find(({ type }) => type === Segment.interpreter)
  return {
    architecture,
    isComplete: true,
    interpreter: interpreter && text(read(interpreter.offset, interpreter.bytes), 0),
    libraries: libraries(read, segments),
  }
}

function programHeaders(read: Read, header: Buffer): ProgramHeader[] {
  const count = Math.min(header.readUInt16LE(56), mostProgramHeaders)
  const table = read(number(header, 32), count * programHeaderBytes)
  const found: ProgramHeader[] = []
  for (let at = 0; at + programHeaderBytes <= table.length; at += programHeaderBytes) {
    found.push({
      type: table.readUInt32LE(at),
      offset: number(table, at + 8),
      address: number(table, at + 16),
      bytes: number(table, at + 32),
    })
  }
  return found
}

function libraries(read: Read, segments: readonly ProgramHeader[]): string[] {
  const dynamic = segments.find(({ type }) => type === Segment.dynamic)
  if (dynamic === undefined) return []
  const table = read(dynamic.offset, dynamic.bytes)
  const entries: [number, number][] = []
  for (let at = 0; at + 16 <= table.length; at += 16) entries.push([number(table, at), number(table, at + 8)])
  const valueOfTag = (wanted: number) => entries.find(([tag]) => tag === wanted)?.[1] ?? 0
  const address = valueOfTag(Dynamic.stringTable)
  const loaded = segments.find(
    segment => segment.type === Segment.load && address >= segment.address && address < segment.address + segment.bytes,
  )
  if (loaded === undefined) return []
  const strings = read(address - loaded.address + loaded.offset, valueOfTag(Dynamic.stringTableBytes))
  return entries.filter(([tag]) => tag === Dynamic.needed).map(([, at]) => text(strings, at))
}

function text(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at)
  return bytes.toString('latin1', at, end < 0 ? bytes.length : end)
}

/** Offsets and sizes; those beyond 2^53 belong to no file. */
function number(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at))
}
