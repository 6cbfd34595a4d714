// The payload of an error reply.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { codec, encode, IpcError, mutated, RemoteError, randomness } from './notation.mjs'

function arrive(thrown, options) {
  const bytes = codec.encodeError(thrown, options)
  return codec.decodeError(bytes, 0, bytes.length)
}

function chainOf(error) {
  const links = []
  for (let link = error; link !== undefined; link = link.cause) links.push(link)
  return links
}

test('an error arrives with its type, message and stack, and the code unknown', () => {
  class ParseError extends Error {}
  const error = new ParseError('bad')
  const remote = arrive(error)
  assert.ok(remote instanceof RemoteError && remote instanceof IpcError)
  assert.deepEqual(
    [remote.name, remote.code, remote.type, remote.message],
    ['RemoteError', 'unknown', 'ParseError', 'bad'],
  )
  assert.equal(remote.remoteStack, error.stack.replaceAll('\n    at ', '\n    [node] at '))
  assert.ok(remote.stack.includes(remote.remoteStack), 'the local stack shows the remote one')
  assert.equal(inspect(remote).split('Remote stack:').length, 2, 'once')
  assert.equal(arrive(new TypeError('t')).type, 'TypeError')
})

test('an IpcError sets the code and carries details', () => {
  const remote = arrive(new IpcError('not_found', 'nope', { id: 5, when: new Date(7) }))
  assert.deepEqual([remote.code, remote.details], ['not_found', { id: 5, when: new Date(7) }])
  assert.throws(() => new IpcError('no_such_code', 'x'), RangeError)
  assert.deepEqual(Object.keys(new IpcError('aborted', 'x')), ['code'])
})

test('an error passed on keeps the type that it had', () => {
  const remote = arrive(arrive(new RangeError('deep')))
  assert.deepEqual([remote.type, remote.message], ['RangeError', 'deep'])
})

test('without stacks none is sent', () => {
  const remote = arrive(new Error('x', { cause: new Error('y') }), { stack: false })
  assert.equal(remote.remoteStack, undefined)
  assert.equal(remote.cause.remoteStack, undefined)
})

describe('causes', () => {
  test('arrive as a chain', () => {
    const remote = arrive(new Error('a', { cause: new RangeError('b', { cause: 'c' }) }))
    assert.deepEqual(
      chainOf(remote).map(({ type, message }) => [type, message]),
      [
        ['Error', 'a'],
        ['RangeError', 'b'],
        ['string', 'c'],
      ],
    )
  })

  test('end where they turn back, and after 16', () => {
    const a = new Error('a')
    a.cause = new Error('b', { cause: a })
    assert.equal(chainOf(arrive(a)).length, 2)
    let long = new Error('0')
    for (let index = 1; index < 50; index++) long = new Error(`${index}`, { cause: long })
    assert.equal(chainOf(arrive(long)).length, 16)
  })
})

describe('the errors of an AggregateError', () => {
  const types = ({ errors }) => errors.map(({ type }) => type)

  test('arrive, with their own', () => {
    const inner = new AggregateError([new RangeError('z')], 'inner')
    const remote = arrive(new AggregateError([new TypeError('x'), 'y', inner], 'all failed'))
    assert.deepEqual(types(remote), ['TypeError', 'string', 'AggregateError'])
    assert.deepEqual(types(remote.errors[2]), ['RangeError'])
    assert.deepEqual(types(remote.errors[0]), [])
    assert.deepEqual(types(arrive(remote)), types(remote), 'passed on')
  })

  test('are 16 at the most, 64 in all, and end where they turn back', () => {
    const many = length => Array.from({ length }, () => new Error('x'))
    assert.equal(arrive(new AggregateError(many(50))).errors.length, 16)
    const wide = arrive(new AggregateError(Array.from({ length: 16 }, () => new AggregateError(many(16)))))
    const count = error => 1 + error.errors.reduce((sum, each) => sum + count(each), 0)
    assert.ok(count(wide) <= 64)
    const circle = new AggregateError([new Error('x')])
    circle.errors.push(circle)
    assert.equal(arrive(circle).errors.length, 1)
  })
})

describe('attributes', () => {
  test('arrive: what else the error has of its own', () => {
    const thrown = Object.assign(new Error('x'), { code: 'ENOENT', errno: -2, status: 404, nested: { a: [1] } })
    assert.deepEqual(arrive(thrown).attributes, { code: 'ENOENT', errno: -2, status: 404, nested: { a: [1] } })
    assert.equal(arrive(thrown).code, 'unknown')
    assert.deepEqual(arrive(arrive(thrown)).attributes, arrive(thrown).attributes, 'passed on')
    assert.deepEqual(arrive(new Error('x')).attributes, {})
    assert.deepEqual(arrive(new IpcError('aborted', 'x', { a: 1 })).attributes, {})
    assert.equal(JSON.parse(JSON.stringify(arrive(thrown))).attributes.status, 404)
  })

  test('that cannot be sent are left out one by one, and named', () => {
    const thrown = Object.assign(new Error('x'), { status: 1, symbol: Symbol('s'), big: 'x'.repeat(2 ** 20) })
    Object.defineProperty(thrown, 'odd', {
      enumerable: true,
      get() {
        throw new Error('no')
      },
    })
    const { attributes, remoteStack } = arrive(thrown)
    assert.deepEqual(attributes, { status: 1 })
    for (const name of ['symbol', 'big', 'odd']) assert.match(remoteStack, new RegExp(`${name} was left out`))
  })
})

describe('what cannot be sent as it is', () => {
  test('anything may be thrown', () => {
    const hostile = new Error('x')
    for (const name of ['stack', 'message', 'name', 'cause', 'constructor']) {
      Object.defineProperty(hostile, name, {
        get() {
          throw new Error('getter')
        },
      })
    }
    const noString = {
      toString() {
        throw new Error('no')
      },
    }
    for (const thrown of [
      null,
      undefined,
      1,
      1n,
      Symbol('s'),
      'text',
      {},
      [],
      () => 1,
      Object.create(null),
      noString,
      hostile,
    ]) {
      const remote = arrive(thrown)
      assert.equal(remote.code, 'unknown')
      assert.equal(typeof remote.message, 'string')
    }
    assert.equal(arrive(null).type, 'null')
    assert.equal(arrive('text').message, 'text')
  })

  test('lone surrogates are replaced and long texts lose their middle', () => {
    assert.equal(arrive(new Error('a\ud800b')).message, 'a\ufffdb')
    const remote = arrive(new Error(`first${'é'.repeat(1 << 20)}last`))
    assert.match(remote.message, /^first.*\[\.\.\.\].*last$/s)
    assert.ok(Buffer.byteLength(remote.message) <= 64 * 1024)
    assert.ok(Buffer.byteLength(remote.remoteStack) <= 64 * 1024)
  })

  test('details are left out with a note', () => {
    for (const details of [() => 1, Buffer.alloc(2 << 20)]) {
      const remote = arrive(new IpcError('aborted', 'x', details))
      assert.equal(remote.details, undefined)
      assert.match(remote.remoteStack, /\(details were left out: /)
    }
  })

  test('details that cannot be decoded are dropped with a note', () => {
    const bytes = encode({ code: 'aborted', message: 'x', details: Buffer.from('c1', 'hex') })
    const remote = codec.decodeError(bytes, 0, bytes.length)
    assert.deepEqual([remote.code, remote.message, remote.details], ['aborted', 'x', undefined])
    assert.match(remote.remoteStack, /\(details could not be decoded: /)
  })
})

test('a payload of any bytes gives a RemoteError', () => {
  const random = randomness(3)
  const seed = codec.encodeError(new IpcError('aborted', 'x', { a: 1 }, { cause: new Error('y') }))
  for (let round = 0; round < 5_000; round++) {
    const bytes = mutated(seed, random)
    assert.ok(codec.decodeError(bytes, 0, bytes.length) instanceof RemoteError)
  }
  for (const value of [1, [], { code: 'nonsense', message: 5, stack: [], cause: 1 }]) {
    const bytes = encode(value)
    const remote = codec.decodeError(bytes, 0, bytes.length)
    assert.equal(remote.code, typeof value === 'object' && !Array.isArray(value) ? 'unknown' : 'data_loss')
  }
})
