// The bytes of functions and of objects that are passed by reference: docs/values.md.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codec } from './notation.mjs'

const { Encoder, Referenced, decode, standFor } = codec
const encoder = new Encoder()

function written(length) {
  return encoder.buffer.subarray(0, length).toString('hex')
}

/** What arrives of these bytes: [id] of a function, [id, names] of an object. */
function arrives(hex) {
  const bytes = Buffer.from(hex, 'hex')
  const references = { function: id => [id], object: (id, names) => [id, names] }
  return decode(bytes, 0, bytes.length, undefined, undefined, references)
}

/** The eight bytes of a retained one's id. */
function idOf({ id }) {
  return (BigInt(-id) | (1n << 63n)).toString(16).padStart(16, '0')
}

test('a function of a call is its id, most significant byte first', () => {
  const hex = written(encoder.encodeArgs([() => 1]))
  const [{ id }] = encoder.references
  assert.equal(hex, `91d707${BigInt(id).toString(16).padStart(16, '0')}`)
  assert.ok(id > 0)
})

test('the highest bit says that it is retained', () => {
  const stand = () => 1
  const referenced = new Referenced(() => 1, true)
  standFor(stand, referenced)
  assert.equal(written(encoder.encodeResult(stand)), `d707${idOf(referenced)}`)
  assert.deepEqual(encoder.references, [referenced])
  assert.deepEqual(arrives('d7078000000000000005'), [-5])
  assert.deepEqual(arrives('d7070000000100000000'), [2 ** 32])
})

test('an object is its id and the names of its methods', () => {
  const stand = {}
  Object.setPrototypeOf(stand, Object.create(null))
  const referenced = new Referenced({}, true, ['add', 'b'])
  standFor(stand, referenced)
  const hex = written(encoder.encodeResult(stand))
  assert.equal(hex, `c70f08${idOf(referenced)}92a3616464a162`)
  assert.deepEqual(arrives(hex), [referenced.id, ['add', 'b']])
})

test('before the arguments stands the id of what is called, least significant byte first', () => {
  assert.equal(written(encoder.encodeArgs([1], 5)), '05000000000000009101')
  assert.equal(written(encoder.encodeArgs([1], -5)), '05000000000000809101')
})

test('what no encoder makes is refused', () => {
  for (const [hex, why] of [
    ['d60700000001', 'not 8 bytes'],
    ['d7088000000000000005', 'without an id and methods'],
    ['c709080000000000000005' + '90', 'not retained'],
    ['c70a08' + '8000000000000005' + '9101', 'odd methods'],
    ['c70908' + '8000000000000005' + 'c0', 'not an array'],
    ['c70a08' + '8000000000000005' + '9000', 'bytes after'],
    ['c70908' + '8000000000000005' + '91', ''],
  ]) {
    assert.throws(
      () => arrives(hex),
      error => error.code === 'data_loss' && error.message.includes(why),
      hex,
    )
  }
  const elsewhere = Buffer.from('d7070000000000000001', 'hex')
  assert.throws(() => decode(elsewhere, 0, elsewhere.length), { code: 'data_loss', message: /where none can be/ })
})

test('each method of an object weighs as much as the function that is made of it', () => {
  const names = Array.from({ length: 300_000 }, (_, i) => `m${i}`)
  const stand = Object.setPrototypeOf({}, Object.create(null))
  standFor(stand, new Referenced({}, true, names))
  assert.throws(() => encoder.encodeResult(stand), { code: 'resource_exhausted' })
})
