// The neutral notation of vectors.json, in JavaScript: plain JSON, and { kind: … } for what JSON has no word for.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
export const codec = require('../../js/dist/values/index.js')
export const { IpcError, RemoteError } = require('../../js/dist/errors.js')
export const { NDArray } = require('../../js/dist/arrays/index.js')
export const vectors = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8'))

export function bytesOf({ hex, tail = ['', 0] }) {
  return Buffer.from(hex + tail[0].repeat(tail[1]), 'hex')
}

/** The value a notation stands for: as the encoder takes it, or as the decoder gives it. */
export function build(notation, decoded = false) {
  if (notation === null || typeof notation !== 'object') return notation
  if (Array.isArray(notation)) return notation.map(item => build(item, decoded))
  const [[kind, content]] = Object.entries(notation)
  return builders[kind](content, decoded)
}

const builders = {
  int: text => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text)),
  float: (text, decoded) => (decoded ? Number(text) : codec.float(Number(text))),
  repeat: ([text, times]) => text.repeat(times),
  bytes: hex => Buffer.from(hex, 'hex'),
  zeros: length => Buffer.alloc(length),
  set: (items, decoded) => new Set(items.map(item => build(item, decoded))),
  map: (pairs, decoded) => new Map(pairs.map(([key, value]) => [build(key, decoded), build(value, decoded)])),
  object: (pairs, decoded) => {
    const object = {}
    for (const [key, value] of pairs) {
      Object.defineProperty(object, key, {
        value: build(value, decoded),
        enumerable: true,
        writable: true,
        configurable: true,
      })
    }
    return object
  },
  instant: nanoseconds => new Date(Number(floorDivide(BigInt(nanoseconds), 1_000_000n))),
  array: ([dtype, shape, hex], decoded) => arrayOf(dtype, shape, Buffer.from(hex, 'hex'), decoded),
  clock: (microseconds, decoded) => {
    const reading = new Date(Number(floorDivide(BigInt(microseconds), 1000n)))
    const date = new Date(0)
    date.setFullYear(reading.getUTCFullYear(), reading.getUTCMonth(), reading.getUTCDate())
    date.setHours(reading.getUTCHours(), reading.getUTCMinutes(), reading.getUTCSeconds(), reading.getUTCMilliseconds())
    return decoded ? date : codec.localDateTime(date)
  },
}

const float16 = globalThis.Float16Array
const plain = {
  ...{ '|i1': Int8Array, '<i2': Int16Array, '<i4': Int32Array, '<i8': BigInt64Array },
  ...{ '|u1': Uint8Array, '<u2': Uint16Array, '<u4': Uint32Array, '<u8': BigUint64Array },
  ...{ '<f4': Float32Array, '<f8': Float64Array, ...(float16 && { '<f2': float16 }) },
}
const others = { '<f2': Uint16Array, '<c8': Float32Array, '<c16': Float64Array }

/** An array as it arrives: a typed array where that says all. A Uint8Array would be sent as bytes. */
function arrayOf(dtype, shape, bytes, decoded) {
  const isTime = typeof dtype === 'string' && /^<[Mm]/.test(dtype)
  const store = plain[dtype] ?? others[dtype] ?? (isTime ? BigInt64Array : Uint8Array)
  const data = new store(Uint8Array.from(bytes).buffer)
  return plain[dtype] && shape.length === 1 && (decoded || dtype !== '|u1') ? data : new NDArray(data, shape, { dtype })
}

function floorDivide(value, by) {
  return (value - (((value % by) + by) % by)) / by
}

const encoder = new codec.Encoder()

export function encode(value) {
  const length = encoder.encodeResult(value)
  return Buffer.from(encoder.buffer.subarray(0, length))
}

export function encodeArgs(args) {
  const length = encoder.encodeArgs(args)
  return Buffer.from(encoder.buffer.subarray(0, length))
}

export function decode(bytes, options) {
  return codec.decode(bytes, 0, bytes.length, options)
}

export function decodeArgs(bytes, options) {
  return codec.decodeArgs(bytes, 0, bytes.length, options)
}

/** Numbers below `limit`, the same in every run. */
export function randomness(seed) {
  let state = seed
  return limit => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

/** A copy of `bytes` with a few of them changed, removed or added. */
export function mutated(bytes, random) {
  let copy = Buffer.from(bytes)
  for (let times = 1 + random(3); times > 0; times--) {
    const at = random(copy.length + 1)
    const kind = random(3)
    if (kind === 0 && at < copy.length) copy[at] = random(256)
    else if (kind === 1) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1)])
    else copy = Buffer.concat([copy.subarray(0, at), Buffer.of(random(256)), copy.subarray(at)])
  }
  return copy
}
