// Random values go from JavaScript to a Python process and back, as bytes over pipes.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  bytesOf,
  codec,
  decode,
  decodeArgs,
  encode,
  encodeArgs,
  IpcError,
  mutated,
  randomness,
  vectors,
} from './notation.mjs'

const venv = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url))
const python = process.env.PYTHON ?? (existsSync(venv) ? venv : 'python3')
const peers = []

/** Sends frames to peer.py and gives its answers, in order. */
function peer(kind) {
  const child = spawn(python, [fileURLToPath(new URL('peer.py', import.meta.url)), kind], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  peers.push(child)
  async function* frames() {
    let pending = Buffer.alloc(0)
    for await (const chunk of child.stdout) {
      pending = Buffer.concat([pending, chunk])
      while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
        const end = 4 + pending.readUInt32BE()
        yield pending.subarray(4, end)
        pending = pending.subarray(end)
      }
    }
  }
  const answers = frames()
  return async messages => {
    for (const message of messages) {
      const header = Buffer.alloc(4)
      header.writeUInt32BE(message.length)
      child.stdin.write(header)
      child.stdin.write(message)
    }
    const received = []
    while (received.length < messages.length) {
      const { done, value } = await answers.next()
      assert.ok(!done, 'the Python peer ended early')
      received.push(value)
    }
    return received
  }
}

after(() => {
  for (const child of peers) child.stdin.end()
})

const alphabet = ['a', 'Z', '0', ' ', '"', '\0', 'é', 'ß', '漢', '\uffff', '😀', '\u{10ffff}']

function randomText(random) {
  return Array.from({ length: random(random(4) === 0 ? 80 : 8) }, () => alphabet[random(alphabet.length)]).join('')
}

function randomScalar(random) {
  const kinds = [
    () => null,
    () => random(2) === 1,
    () => random(300) - 150,
    () => (random(2 ** 32) - 2 ** 31) * random(2 ** 21),
    () => random(2 ** 32) / 7 - 1e8,
    () => [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, 2 ** 60][random(6)],
    () => codec.float(random(5)),
    () => (random(2) === 0 ? -1n : 1n) * (2n ** BigInt(54 + random(200)) + BigInt(random(1000))),
    () => randomText(random),
    () => Buffer.from(randomText(random)),
    () => new Date(random(2 ** 32) * random(50_000) - 6e13),
  ]
  return kinds[random(kinds.length)]()
}

/** A value that comes back as it went. Keys and elements are of kinds that Python tells apart too. */
function randomValue(random, depth) {
  if (depth === 0 || random(3) === 0) return randomScalar(random)
  const items = Array.from({ length: random(random(8) === 0 ? 40 : 5) }, () => randomValue(random, depth - 1))
  const kinds = [
    () => items,
    () => Object.fromEntries(items.map((item, index) => [randomText(random) + index, item])),
    () => new Map([[0, null], ...items.map((item, index) => [index % 2 ? `k${index}` : index + 1, item])]),
    () => new Map([[[1, 'tuple', [2n ** 70n]], items]]),
    () => new Set(items.map((_, index) => (index % 3 ? index : `${randomText(random)}${index}`))),
    () => ({ ['__proto__']: items, constructor: 1 }),
  ]
  return kinds[random(kinds.length)]()
}

/** Float is for sending only: it arrives as its number. */
function plain(value) {
  if (value instanceof codec.Float) return value.value
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, plain(item)]))
  if (value instanceof Set || value instanceof Date || Buffer.isBuffer(value)) return value
  if (typeof value !== 'object' || value === null) return value
  const copy = {}
  for (const [key, item] of Object.entries(value)) {
    Object.defineProperty(copy, key, { value: plain(item), enumerable: true, writable: true, configurable: true })
  }
  return copy
}

test('values come back from Python as they went', async () => {
  const random = randomness(11)
  const send = peer('value')
  for (let batch = 0; batch < 20; batch++) {
    const values = Array.from({ length: 100 }, () => randomValue(random, 5))
    const answers = await send(values.map(encode))
    for (const [index, answer] of answers.entries()) {
      assert.equal(String.fromCharCode(answer[0]), 'v')
      assert.deepStrictEqual(decode(answer.subarray(1)), plain(values[index]))
    }
  }
})

test('arguments come back from Python as they went', async () => {
  const random = randomness(12)
  const send = peer('args')
  const calls = Array.from({ length: 300 }, () => {
    const args = Array.from({ length: random(4) }, () => randomValue(random, 3))
    if (random(2) === 0) args.push(codec.kwargs({ 'a b': randomValue(random, 2), b: 1 }))
    return args
  })
  for (const [index, answer] of (await send(calls.map(encodeArgs))).entries()) {
    const expected = calls[index].map(value => (value instanceof codec.Kwargs ? value : plain(value)))
    const last = expected.at(-1)
    if (last instanceof codec.Kwargs) expected.splice(-1, 1, codec.kwargs(plain(last.values)))
    assert.deepStrictEqual(decodeArgs(answer.subarray(1)), expected)
  }
})

test('errors come back from Python as they went', async () => {
  const thrown = new IpcError('not_found', 'nöpe', { ids: [1, 2n ** 70n] }, { cause: new RangeError('inner') })
  const [answer] = await peer('error')([codec.encodeError(thrown)])
  const remote = codec.decodeError(answer, 1, answer.length)
  assert.deepEqual(
    [remote.code, remote.type, remote.message, remote.details],
    ['not_found', 'IpcError', 'nöpe', { ids: [1, 2n ** 70n] }],
  )
  assert.deepEqual([remote.cause.type, remote.cause.message], ['RangeError', 'inner'])
})

test('bytes changed at random mean the same to both', async () => {
  const random = randomness(13)
  const seeds = [...vectors.values, ...vectors.malformed].map(bytesOf).filter(bytes => bytes.length < 300)
  const messages = Array.from({ length: 5_000 }, (_, index) => mutated(seeds[index % seeds.length], random))
  const answers = await peer('value')(messages)
  for (const [index, answer] of answers.entries()) {
    const theirs = answer.toString('latin1', 0, 1) === 'v' ? 'value' : answer.toString('latin1', 1)
    let ours = 'value'
    try {
      decode(messages[index])
    } catch (error) {
      ours = error.code
    }
    // datetime ends with the year 9999, and Python cannot hash what JavaScript takes as a key: see docs/values.md.
    if (ours === 'value' && ['out_of_range', 'invalid_argument'].includes(theirs)) continue
    if (ours === 'data_loss' && ['out_of_range', 'invalid_argument'].includes(theirs)) continue
    assert.equal(theirs, ours, messages[index].toString('hex'))
  }
})
