// The conformance suite shared with test_values.py: what both languages encode to, and what both refuse to decode.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  build,
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

for (const vector of vectors.values) {
  test(`value: ${vector.name}`, () => {
    const bytes = bytesOf(vector)
    assert.deepStrictEqual(decode(bytes), build(vector.value, true))
    if ((vector.encode ?? ['javascript']).includes('javascript')) {
      assert.equal(encode(build(vector.value)).toString('hex'), bytes.toString('hex'))
    }
  })
}

for (const vector of vectors.malformed.filter(({ only = 'javascript' }) => only === 'javascript')) {
  test(`malformed: ${vector.name}`, () => {
    assert.throws(
      () => decode(bytesOf(vector)),
      error => error instanceof IpcError && error.code === vector.code,
    )
  })
}

for (const vector of vectors.arguments) {
  test(`arguments: ${vector.name}`, () => {
    const bytes = bytesOf(vector)
    const args = vector.args.map(item => build(item, true))
    if (vector.kwargs !== null) args.push(codec.kwargs(build({ object: vector.kwargs }, true)))
    assert.deepStrictEqual(decodeArgs(bytes), args)
    if (vector.encode === undefined) assert.equal(encodeArgs(args).toString('hex'), bytes.toString('hex'))
  })
}

for (const vector of vectors.malformed_arguments) {
  test(`malformed arguments: ${vector.name}`, () => {
    assert.throws(
      () => decodeArgs(bytesOf(vector)),
      error => error instanceof IpcError && error.code === 'data_loss',
    )
  })
}

test('bytes changed at random give a value or an IpcError, and what decodes encodes again', () => {
  const random = randomness(7)
  const seeds = [...vectors.values, ...vectors.malformed, ...vectors.arguments].map(bytesOf).filter(b => b.length < 600)
  for (let round = 0; round < 40_000; round++) {
    const bytes = mutated(seeds[round % seeds.length], random)
    for (const read of [decode, decodeArgs]) {
      let value
      try {
        value = read(bytes)
      } catch (error) {
        assert.ok(error instanceof IpcError, error)
        continue
      }
      const write = read === decode ? encode : encodeArgs
      const again = read(write(value))
      // A Uint8Array that came as an array goes as bytes.
      if (bytes.includes('|u1')) assert.deepEqual(write(again), write(value))
      else assert.deepStrictEqual(again, value)
    }
  }
})

test('a value cut anywhere is refused', () => {
  for (const vector of vectors.values) {
    const bytes = bytesOf(vector).subarray(0, 400)
    if (bytes.length < bytesOf(vector).length) continue
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => codec.decode(bytes, 0, end), { code: 'data_loss' }, vector.name)
    }
  }
})
