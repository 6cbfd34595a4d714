// Tables for tests: those that Python writes, and what becomes of a stream.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build, IpcError } from './notation.mjs'

const require = createRequire(import.meta.url)
const { plainTable } = require('../../js/dist/tables/plain.js')
const { readStream } = require('../../js/dist/tables/stream.js')

/** The tables that both languages read: make_tables.py. */
export const vectors = JSON.parse(readFileSync(new URL('tables.json', import.meta.url), 'utf8'))

const venv = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url))
const python = process.env.PYTHON ?? (existsSync(venv) ? venv : 'python3')

/** What table_streams.py tells. */
export function pythonTables() {
  const script = fileURLToPath(new URL('table_streams.py', import.meta.url))
  const options = { encoding: 'utf8', maxBuffer: 2 ** 28 }
  return JSON.parse(execFileSync(python, ['-W', 'ignore', script], options))
}

/** A value of the notation; { big } is a BigInt. */
export function value(notation) {
  if (Array.isArray(notation)) return notation.map(value)
  if (notation === null || typeof notation !== 'object') return notation
  if (notation.big !== undefined) return BigInt(notation.big)
  if (notation.object === undefined) return build(notation, true)
  const object = {}
  for (const [key, item] of notation.object) {
    Object.defineProperty(object, key, { value: value(item), enumerable: true, writable: true, configurable: true })
  }
  return object
}

/** The columns of a stream, as they arrive without apache-arrow. */
export function plain(bytes) {
  let left = 2 ** 23
  const weigh = weight => {
    left -= weight
    if (left < 0) throw new IpcError('resource_exhausted', 'too many values')
  }
  return plainTable(readStream(aligned(bytes), weigh), weigh)
}

/** A copy in memory of its own. */
export function aligned(bytes) {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}

/** The message that carries a stream as a table. */
export function tableMessage(kind, stream) {
  const name = Buffer.from(kind)
  const head = Buffer.alloc(6)
  head[0] = 0xc9
  head.writeUInt32BE(2 + name.length + 5 + stream.length, 1)
  head[5] = 11
  const size = Buffer.alloc(5)
  size[0] = 0xc6
  size.writeUInt32BE(stream.length, 1)
  return Buffer.concat([head, Buffer.of(0x92, 0xa0 | name.length), name, size, stream])
}

/** The stream in the message of a table. */
export function streamIn(message) {
  const start = message.indexOf(Buffer.from('ffffffff', 'hex'))
  return message.subarray(start)
}
