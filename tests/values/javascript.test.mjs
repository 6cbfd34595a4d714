// What only JavaScript has: its other numbers, its object model, and code of the user's that runs during encoding.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { codec, decode, decodeArgs, encode, encodeArgs, IpcError } from './notation.mjs'

const { Encoder, float, kwargs, localDateTime } = codec

function roundTrip(value, options) {
  return decode(encode(value), options)
}

function refuses(value, message, write = encode, code = 'invalid_argument') {
  assert.throws(
    () => write(value),
    error => {
      assert.ok(error instanceof IpcError, error)
      assert.equal(error.code, code)
      assert.match(error.message, message)
      return true
    },
  )
}

describe('numbers', () => {
  test('are ints when they are safe integers, floats otherwise', () => {
    assert.equal(encode(2)[0], 2)
    for (const value of [2 ** 53, -(2 ** 53), 1e300, -0, 0.5]) assert.equal(encode(value)[0], 0xcb)
    assert.equal(encode(float(2)).toString('hex'), 'cb4000000000000000')
    assert.ok(Object.is(roundTrip(-0), -0))
  })

  test('a NaN of any payload leaves in one form', () => {
    const strange = Buffer.from('fff8000000000001', 'hex').readDoubleBE()
    assert.equal(encode(strange).toString('hex'), 'cb7ff8000000000000')
  })

  test('a BigInt that fits a safe integer arrives as a number', () => {
    assert.equal(roundTrip(5n), 5)
    assert.equal(roundTrip(2n ** 53n), 2n ** 53n)
    for (const exponent of [63n, 64n, 65n, 71n, 72n, 1000n, 4096n]) {
      for (const near of [-1n, 0n, 1n]) {
        assert.equal(roundTrip(2n ** exponent + near), 2n ** exponent + near)
        assert.equal(roundTrip(-(2n ** exponent) + near), -(2n ** exponent) + near)
      }
    }
  })

  test("int64 'bigint' makes every integer a BigInt, and leaves floats alone", () => {
    const value = [0, -1, 200, 70000, 2 ** 40, float(2), 2n ** 70n]
    assert.deepEqual(roundTrip(value, { int64: 'bigint' }), [0n, -1n, 200n, 70000n, 2n ** 40n, 2, 2n ** 70n])
  })

  test("int64 'error' refuses what is no safe integer", () => {
    assert.equal(roundTrip(2 ** 53 - 1, { int64: 'error' }), 2 ** 53 - 1)
    for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 64n]) {
      assert.throws(() => roundTrip(value, { int64: 'error' }), { code: 'out_of_range' })
    }
  })
})

describe('objects', () => {
  test('undefined is left out of objects and null elsewhere; a hole is null', () => {
    assert.deepEqual(roundTrip({ a: undefined, b: 1 }), { b: 1 })
    // biome-ignore lint/suspicious/noSparseArray: it is what this test is about
    assert.deepEqual(roundTrip([undefined, , 1]), [null, null, 1])
    assert.deepEqual(roundTrip(new Map([[1, undefined]])), new Map([[1, null]]))
    const many = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index]))
    for (const keys of [17, 70_000]) {
      const some = Object.fromEntries(Object.entries(many).slice(0, keys))
      const { k3, ...rest } = some
      assert.equal(k3, 3)
      assert.deepEqual(roundTrip({ ...some, k3: undefined }), rest)
    }
  })

  test('__proto__ is a key, and neither sets nor reads a prototype', () => {
    const value = JSON.parse('{"__proto__": {"polluted": 1}, "toString": 2, "hasOwnProperty": 3}')
    const arrived = roundTrip(value)
    assert.equal(Object.getPrototypeOf(arrived), Object.prototype)
    assert.equal(arrived.polluted, undefined)
    assert.deepEqual(Object.keys(arrived), ['__proto__', 'toString', 'hasOwnProperty'])
    assert.deepEqual(Object.getOwnPropertyDescriptor(arrived, '__proto__').value, { polluted: 1 })
    assert.deepEqual(Object.keys(roundTrip({ ['__proto__']: 1 })), ['__proto__'])
  })

  test('may have no prototype, or that of another realm', () => {
    assert.deepEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
    const foreign = runInContext(
      '({ a: [1, new Map([[1, new Set([2])]]), new Date(5), new Uint8Array(2)] })',
      createContext(),
    )
    assert.deepEqual(roundTrip(foreign), { a: [1, new Map([[1, new Set([2])]]), new Date(5), Buffer.alloc(2)] })
  })

  test('symbol keys, inherited and non-enumerable properties stay behind', () => {
    const value = Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3 })
    assert.deepEqual(roundTrip(value), { a: 1 })
  })

  test('a Map stays a Map, whatever its keys', () => {
    for (const map of [new Map(), new Map([['a', 1]]), new Map([[null, 1]]), new Map([[{ a: 1 }, [1]]])]) {
      assert.deepStrictEqual(roundTrip(map), map)
    }
  })
})

describe('bytes', () => {
  test('arrive as a Buffer that shares nothing with the message', () => {
    const message = encode([Buffer.from('abc'), new Uint8Array([1, 2]), new Uint8Array([9, 8, 7]).buffer])
    const arrived = decode(message)
    message.fill(0)
    assert.deepEqual(arrived, [Buffer.from('abc'), Buffer.from([1, 2]), Buffer.from([9, 8, 7])])
    assert.ok(arrived.every(Buffer.isBuffer))
  })

  test('may be in a DataView', () => {
    assert.deepEqual(roundTrip(new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2)), Buffer.of(2, 3))
  })

  test('of a part of a buffer are that part', () => {
    assert.deepEqual(roundTrip(Buffer.from('abcdef').subarray(2, 4)), Buffer.from('cd'))
    assert.deepEqual(codec.decode(Buffer.concat([Buffer.alloc(3), encode('x'), Buffer.alloc(3)]), 3, 5), 'x')
  })
})

describe('strings', () => {
  test('of every length and alphabet survive', () => {
    for (const unit of ['a', 'é', '漢', '😀', '\0']) {
      for (let length = 0; length < 300; length++) {
        const text = unit.repeat(length)
        assert.equal(roundTrip(text), text)
        assert.equal(roundTrip(`${text}é`), `${text}é`)
      }
      assert.equal(roundTrip(unit.repeat(40_000)), unit.repeat(40_000))
    }
  })

  test('with a lone surrogate are refused, wherever they stand', () => {
    for (const text of ['\ud800', `${'x'.repeat(100)}\udc00`, 'a\udc00\ud800b', `${'é'.repeat(20_000)}\ud83d`]) {
      refuses([text], /^result\[0\] cannot be sent: a string with a lone surrogate/)
      refuses({ [text]: 1 }, /lone surrogate/)
    }
  })

  test('keys that hash alike are kept apart', () => {
    const keys = ['aXc', 'aYc', 'abc', 'abcd', 'a', '', 'é', 'ab', 'ba', 'x'.repeat(32), 'x'.repeat(33), 'ü'.repeat(16)]
    for (let round = 0; round < 3; round++) {
      for (const key of keys) assert.deepEqual(roundTrip({ [key]: 1 }), { [key]: 1 })
    }
  })
})

describe('dates', () => {
  test('keep their millisecond, also before 1970', () => {
    for (const time of [
      0,
      -1,
      1,
      999,
      -62135596800000,
      8.64e15,
      -8.64e15,
      2 ** 32 * 1000,
      2 ** 34 * 1000,
      1.6e12 + 7,
    ]) {
      assert.equal(roundTrip(new Date(time)).getTime(), time)
    }
    refuses(new Date(Number.NaN), /an invalid Date/)
  })

  test('a local reading arrives with the same local fields', () => {
    for (const fields of [
      [2020, 5, 15, 12, 30, 45, 678],
      [1969, 11, 31, 23, 59, 59, 999],
    ]) {
      const date = new Date(...fields)
      assert.deepEqual(roundTrip(localDateTime(date)), date)
    }
    const early = new Date(2000, 0, 1)
    early.setFullYear(1)
    assert.deepEqual(roundTrip(localDateTime(early)), early)
  })
})

describe('arguments', () => {
  test('trailing undefined ones are dropped, also before keyword arguments', () => {
    assert.deepEqual(decodeArgs(encodeArgs([1, undefined, 2, undefined, undefined])), [1, null, 2])
    assert.deepEqual(decodeArgs(encodeArgs([undefined])), [])
    assert.deepEqual(decodeArgs(encodeArgs([1, undefined, kwargs({ a: 1 })])), [1, kwargs({ a: 1 })])
  })

  test('keyword arguments stand last or nowhere', () => {
    refuses([kwargs({}), 1], /^args\[0\] cannot be sent: kwargs\(\) may only be the last/, encodeArgs)
    refuses([[kwargs({})]], /^args\[0\]\[0\] cannot be sent: kwargs\(\)/, encodeArgs)
    refuses(kwargs({}), /^result cannot be sent: kwargs\(\)/)
    refuses([kwargs({ a: { b: Symbol('s') } })], /^kwargs\.a\.b cannot be sent: a symbol/, encodeArgs)
    for (const wrong of [null, 1, [], new Map()]) assert.throws(() => kwargs(wrong), { code: 'invalid_argument' })
  })
})

describe('refusals', () => {
  class Point {
    x = 1
  }
  const cases = [
    [Point, /a class \(Point\)/],
    [new Point(), /an instance of Point: send a plain object/],
    [Object.create({}), /an instance of Object/],
    [Object.create(Point.prototype, { constructor: { value: undefined } }), /an instance of a class without a name/],
    [Symbol('s'), /a symbol/],
    [() => 1, /a function \(anonymous\), which would end with the call/],
    [Promise.resolve(), /a promise: await it first/],
    [new WeakMap(), /a WeakMap/],
    [/x/, /a regular expression/],
    [new Number(1), /a boxed primitive/],
    [Object(1n), /a boxed primitive/],
    [Object.create(Date.prototype), /an instance of Date/],
    [[1][Symbol.iterator](), /an iterator: .*ipc\.stream\(it\)/],
    [{ async *[Symbol.asyncIterator]() {} }, /an async iterable: send ipc\.stream\(it\)/],
  ]
  for (const [value, message] of cases) test(`${message}`, () => refuses(value, message))

  const later = [[new TypeError('x'), /an Error: .*later release/]]
  for (const [value, message] of later) test(`${message}`, () => refuses(value, message, encode, 'unimplemented'))

  test('name the path', () => {
    const bad = Symbol('s')
    refuses([1, { items: [0, 1, 2, bad] }], /^args\[1\]\.items\[3\] cannot/, encodeArgs)
    refuses({ x: { 'a b': bad } }, /^result\.x\["a b"\] cannot/)
    refuses({ x: new Map([[1, [bad]]]) }, /^result\.x\[1\]\[0\] cannot/)
    refuses(new Map([[bad, 1]]), /^result<key 0> cannot/)
    refuses(new Set([1, bad]), /^result<element 1> cannot/)
    refuses({ größe: bad }, /^result\.größe cannot/)
  })

  test('cycles are told from depth', () => {
    const a = { list: [] }
    a.list.push(a)
    refuses([0, { a }], /^args\[1\]\.a\.list\[0\] refers back to args\[1\]\.a: a cycle/, encodeArgs)
    const map = new Map()
    map.set(1, map)
    refuses(map, /^result\[1\] refers back to result: a cycle/)
    let deep = 1
    for (let level = 0; level < 129; level++) deep = [deep]
    refuses(deep, /^result\[0\]\[0\]\[0\]\[0\]\.\.\. is nested more than 128 levels deep/)
  })
})

test('every container counts as one level, in each argument by itself', () => {
  const wrap = { array: v => [v], object: v => ({ v }), map: v => new Map([[v, 1]]), set: v => new Set([v]) }
  for (const [name, around] of Object.entries(wrap)) {
    let value = 1
    for (let level = 0; level < 128; level++) value = around(value)
    assert.deepEqual(roundTrip(value), value, name)
    assert.equal(decodeArgs(encodeArgs([value, kwargs({ value })])).length, 2)
    refuses(around(value), /128 levels/)
    refuses([kwargs({ a: around(value) })], /128 levels/, encodeArgs)
  }
})

describe("the user's code", () => {
  test('that throws makes its value refused, with the reason as cause', () => {
    const reason = new Error('no')
    const value = {
      get x() {
        throw reason
      },
    }
    assert.throws(
      () => encode([value]),
      error =>
        error.cause === reason && /^result\[0\]\.x cannot be sent: reading it threw Error: no/.test(error.message),
    )
    assert.deepEqual(roundTrip(1), 1)
  })

  test('may come back to the same encoder', () => {
    const encoder = new Encoder()
    const inner = []
    const value = {
      before: 'x'.repeat(100),
      get nested() {
        const length = encoder.encodeArgs(['inner'])
        inner.push(decodeArgs(Buffer.from(encoder.buffer.subarray(0, length))))
        assert.throws(() => encoder.encodeResult(Symbol('s')))
        return 'n'
      },
      after: 'y'.repeat(10_000),
    }
    const length = encoder.encodeResult([value, value])
    const expected = { before: 'x'.repeat(100), nested: 'n', after: 'y'.repeat(10_000) }
    assert.deepEqual(codec.decode(encoder.buffer, 0, length), [expected, expected])
    assert.deepEqual(inner, [['inner'], ['inner']])
  })
})

test('a large message does not keep its memory', () => {
  const encoder = new Encoder()
  encoder.encodeResult(Buffer.alloc(4 << 20))
  encoder.encodeResult(1)
  assert.ok(encoder.buffer.length < 1 << 20)
})

test('lengths announced but not sent cost no memory', () => {
  const before = process.memoryUsage().rss
  const levels = Array.from({ length: 100 }, (_, level) =>
    Buffer.from(`dd${(2 ** 20 - 5 * level).toString(16).padStart(8, '0')}`, 'hex'),
  )
  const message = Buffer.concat([...levels, Buffer.alloc(2 ** 20 - 2000, 1)])
  assert.throws(() => decode(message), { code: 'data_loss' })
  assert.ok(process.memoryUsage().rss - before < 200 << 20)
})
