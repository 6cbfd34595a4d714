// How much one message may hold, and how alike its keys may be: docs/values.md, "Size" and "Keys".
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { codec, decode, decodeArgs, encode, encodeArgs, IpcError, vectors } from './notation.mjs'

const maxWeight = 2 ** 23

function refuses(act, message) {
  assert.throws(act, error => {
    assert.ok(error instanceof IpcError, error)
    assert.equal(error.code, 'resource_exhausted')
    assert.match(error.message, message)
    return true
  })
}

function uint32(number) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  return bytes
}

function sized({ head, item }, count) {
  const bytes = Buffer.from(item, 'hex')
  return Buffer.concat([Buffer.from(head, 'hex'), uint32(count), Buffer.alloc(count * bytes.length, bytes)])
}

function extension(type, contents) {
  return Buffer.concat([Buffer.of(0xc9), uint32(contents.length), Buffer.of(type), contents])
}

const nils = count => sized({ head: 'dd', item: 'c0' }, count)

describe('a message', () => {
  for (const vector of vectors.sizes) {
    test(`may weigh as much as fits: ${vector.name}`, () => {
      decode(sized(vector, vector.fits))
      refuses(() => decode(sized(vector, vector.fits + 1)), /8,388,608/)
    })
  }

  test('weighs what its arguments and keywords do together', () => {
    const args = count => Buffer.concat([Buffer.of(0x91), nils(count)])
    assert.equal(decodeArgs(args(maxWeight - 8))[0].length, maxWeight - 8)
    refuses(() => decodeArgs(args(maxWeight - 7)), /weight/)
    const keywords = count =>
      Buffer.concat([Buffer.of(0x91), extension(5, Buffer.concat([Buffer.from('81a161', 'hex'), nils(count)]))])
    assert.equal(decodeArgs(keywords(maxWeight - 17))[0].values.a.length, maxWeight - 17)
    refuses(() => decodeArgs(keywords(maxWeight - 16)), /weight/)
  })

  test('of 120 million values is refused and does not end the process', () => {
    refuses(() => decode(nils(120_000_000)), /weight/)
  })

  test('is refused by the sender for what the receiver would refuse', () => {
    for (const [value, weight] of [
      [0, 1],
      [{ a: null, b: undefined }, 6],
      [Buffer.alloc(1), 4],
      [new Date(1), 4],
      [2n ** 70n, 4],
      [new Set(), 8],
      [new Map([[{}, null]]), 13],
    ]) {
      const fits = Math.floor((maxWeight - 4) / weight)
      encode(Array(fits).fill(value))
      refuses(() => encode(Array(fits + 1).fill(value)), /^result: more values .* 8,388,608/)
    }
    const fits = maxWeight - 17
    assert.equal(decodeArgs(encodeArgs([codec.kwargs({ a: Array(fits).fill(null) })])).length, 1)
    refuses(() => encodeArgs([codec.kwargs({ a: Array(fits + 1).fill(null) })]), /^kwargs: more values/)
    refuses(() => encodeArgs([1, Array(maxWeight)]), /^args\[1\]: more values/)
    assert.deepEqual(decode(encode([1])), [1])
  })

  test('may hold large tables', () => {
    const columns = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`column${index}`, index]))
    for (const value of [
      Array(1_000_000).fill(0.5),
      Array(100_000).fill(columns),
      Array(1_000_000).fill({ x: 1.5, y: 2 }),
    ]) {
      assert.equal(decode(encode(value)).length, value.length)
    }
  })
})

// The hashes that V8 has for numbers, written down anew.
const low64 = 2n ** 64n - 1n
function hash32(key) {
  let hash = (~key + (key << 15)) >>> 0
  hash = (hash ^ (hash >>> 12)) >>> 0
  hash = (hash + (hash << 2)) >>> 0
  hash = (hash ^ (hash >>> 4)) >>> 0
  hash = Math.imul(hash, 2057) >>> 0
  return (hash ^ (hash >>> 16)) >>> 0
}
function hash64(key) {
  let hash = (~key + (key << 18n)) & low64
  hash ^= hash >> 31n
  hash = (hash * 21n) & low64
  hash ^= hash >> 11n
  hash = (hash + (hash << 6n)) & low64
  return Number((hash ^ (hash >> 22n)) & 0xffff_ffffn)
}
function hashOfDouble(value) {
  return hash64(new BigUint64Array(Float64Array.of(value).buffer)[0])
}

/** So many of at(0), at(1), ... that fall into one of 512 buckets. */
function chosen(count, at, hash) {
  const found = []
  for (let index = 0; found.length < count; index++) if (hash(at(index)) % 512 === 0) found.push(at(index))
  return found
}

describe('keys', () => {
  const alike = {
    integers: chosen(2000, index => index, hash32),
    'negative integers': chosen(2000, index => -index, hash32),
    fractions: chosen(2000, index => index + 0.5, hashOfDouble),
    'BigInts of 64 bits': chosen(2000, index => 2n ** 60n + BigInt(index), hash64),
    'negative BigInts': chosen(
      2000,
      index => -(2n ** 60n) - BigInt(index),
      value => hash64(-value),
    ),
    'BigInts with the same low 64 bits': Array.from({ length: 2000 }, (_, index) => (BigInt(index + 1) << 64n) | 1n),
    'the same number': Array(2000).fill(5),
  }
  for (const [name, keys] of Object.entries(alike)) {
    test(`that collide are refused: ${name}`, () => {
      refuses(() => decode(extension(2, encode(keys))), /collide/)
      refuses(() => decode(extension(1, encode(keys.flatMap(key => [key, 0])))), /collide/)
      assert.equal(decode(extension(2, encode(keys.slice(0, 64)))).size, new Set(keys.slice(0, 64)).size)
      assert.equal(decode(encode(keys)).length, 2000)
    })
  }

  test('that are ordinary may be many', () => {
    const count = 50_000
    for (const at of [
      index => index,
      index => -index,
      index => index * 4096,
      index => index * 2 ** 32,
      index => index / 1024,
      index => String(index),
      index => [index],
      index => 2n ** 63n + BigInt(index),
      index => (BigInt(index) << 70n) + BigInt(index),
      index => (index % 2 === 0 ? index : `k${index}`),
    ]) {
      const keys = Array.from({ length: count }, (_, index) => at(index))
      assert.equal(decode(encode(new Set(keys))).size, count)
      assert.equal(decode(encode(new Map(keys.map(key => [key, key])))).size, count)
    }
  })
})
