// Work and memory in proportion to what a message holds. Operations and bytes are counted, not time.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { codec, decode, encode, IpcError } from './notation.mjs'

const require = createRequire(import.meta.url)
const { CollisionGuard, digitsCanBeChosen } = require('../../js/dist/values/collisions.js')
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')

/** What prints a BigInt in decimal while `act` runs: that takes a time quadratic in its digits. */
function decimals(t, act) {
  const printed = []
  const { String: text } = globalThis
  const { toString: inRadix } = BigInt.prototype
  t.mock.method(BigInt.prototype, 'toString', function (radix) {
    if (radix !== 16) printed.push('toString')
    return inRadix.call(this, radix)
  })
  globalThis.String = new Proxy(text, {
    apply(target, self, [value]) {
      if (typeof value === 'bigint') printed.push('String')
      return Reflect.apply(target, self, [value])
    },
  })
  try {
    act()
  } finally {
    globalThis.String = text
    t.mock.restoreAll()
  }
  return printed
}

describe('a BigInt of four million bytes', () => {
  const huge = 1n << (8n * 4_000_000n)

  test('is never printed where nothing fails', t => {
    const printed = decimals(t, () => {
      for (const value of [huge, -huge, new Map([[huge, huge]]), new Set([huge]), { a: [huge] }]) {
        const { length } = encode(value)
        assert.ok(length > 4_000_000)
      }
    })
    assert.deepEqual(printed, [])
    assert.equal(decode(encode(huge)), huge)
    assert.equal(decode(encode(-huge)), -huge)
  })

  // All of them as one number take V8 of Node 16 minutes.
  test('is read from digits that are few at a time', t => {
    const bytes = encode(-huge)
    const { BigInt: bigInt } = globalThis
    let longest = 0
    t.after(() => {
      globalThis.BigInt = bigInt
    })
    globalThis.BigInt = new Proxy(bigInt, {
      apply(target, self, [value]) {
        if (typeof value === 'string') longest = Math.max(longest, value.length)
        return Reflect.apply(target, self, [value])
      },
    })
    assert.equal(decode(bytes), -huge)
    assert.ok(longest > 0 && longest <= 4096, `${longest} characters`)
  })

  test('is told in short where something fails', () => {
    const bad = Symbol('s')
    assert.throws(() => encode(new Map([[huge, bad]])), { message: /^result\[0x10{15}…\] cannot be sent: a symbol/ })
    assert.throws(() => encode(new Map([[-huge, bad]])), { message: /^result\[-0x10{15}…\] cannot/ })
    const bytes = codec.encodeError(huge)
    assert.match(codec.decodeError(bytes, 0, bytes.length).message, /^0x10{15}…$/)
    const thrown = {
      get x() {
        throw huge
      },
    }
    assert.throws(() => encode(thrown), { message: /reading it threw 0x10{15}…$/ })
  })
})

test('a BigInt of any length arrives as it is', () => {
  for (const bytes of [1023, 1024, 1025, 2048, 2049, 4099, 10_001]) {
    const value = BigInt(`0x7f${randomBytes(bytes - 1).toString('hex')}`)
    assert.equal(decode(encode(value)), value)
    assert.equal(decode(encode(-value)), -value)
  }
})

test('a long key is cut in the path of what fails', () => {
  const bad = Symbol('s')
  for (const [value, path] of [
    [{ ['k'.repeat(1 << 20)]: bad }, /^result\.k{64}… cannot|^result\["k{64}…"\] cannot/],
    [new Map([['k '.repeat(1 << 20), bad]]), /^result\["(k ){32}…"\] cannot/],
    [new Map([[Symbol('k'.repeat(1 << 20)), 1]]), /^result<key 0> cannot/],
    [{ ['😀'.repeat(40)]: bad }, /^result\["(😀){32}…"\] cannot/u],
  ]) {
    assert.throws(() => encode(value), { message: path })
  }
})

test('keys that are array indices take memory for themselves alone', () => {
  const count = 20_000
  for (const key of ['9', '17', '100', '322', '1000', '1023', '9999', '4294967294']) {
    const bytes = encode(Array.from({ length: count }, () => ({ [key]: null })))
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    const list = decode(bytes)
    collectGarbage()
    const each = (process.memoryUsage().heapUsed - before) / count
    assert.equal(list.length, count)
    assert.deepEqual(list[count - 1], { [key]: null })
    assert.ok(each < 450, `{ "${key}": null } takes ${each} bytes`)
  }
})

test('keys that are array indices arrive whatever their order and number', () => {
  for (const keys of [
    [1000, 5, 0],
    [0, 1, 2, 3000, 4],
    [99, 'x', 98, '01', '1e3', '', '-1', '5 '],
    Array(500).keys(),
  ]) {
    const object = Object.fromEntries([...keys].map(key => [key, `v${key}`]))
    assert.deepEqual(decode(encode(object)), object)
  }
})

describe('strings of digits', () => {
  const guard = new CollisionGuard(true)
  const check = items => {
    guard.begin()
    guard.expectSpread(items, 1)
  }
  const multiples = (count, of) => Array.from({ length: count }, (_, index) => String(index * of))

  test('that collide are refused where their hashes are their numbers', () => {
    for (const keys of [multiples(50_000, 65_536), multiples(20_000, 131_072).map(String)]) {
      assert.throws(
        () => check(keys),
        error => error instanceof IpcError && error.code === 'resource_exhausted',
      )
    }
    const pairs = multiples(50_000, 65_536).flatMap(key => [key, 0])
    assert.throws(() => guard.expectSpread(pairs, 2), { code: 'resource_exhausted' })
    new CollisionGuard(false).expectSpread(pairs, 2)
  })

  test('that collide in many small Sets of one message are refused, too', () => {
    guard.begin()
    const one = multiples(2000, 65_536)
    assert.throws(() => {
      for (let set = 0; set < 100; set++) guard.expectSpread(one, 1)
    }, /strings of digits/)
  })

  test('that nobody has chosen are not', () => {
    check(multiples(300_000, 1))
    check(multiples(4000, 4096))
    check(multiples(50_000, 1000))
    check(multiples(50_000, 65_536).map(key => `k${key}`))
    check(multiples(50_000, 2 ** 40))
    check(multiples(50_000, 65_536).map(key => `0${key}`))
  })

  test('have seeded hashes since the security releases of March 2026', () => {
    for (const version of ['16.20.2', '18.20.8', '20.20.1', '21.7.3', '22.22.1', '23.11.1', '24.14.0', '25.8.1']) {
      assert.ok(digitsCanBeChosen(version), version)
    }
    for (const version of ['20.20.2', '20.21.0', '22.22.2', '22.23.0', '24.14.1', '24.15.0', '25.8.2', '26.0.0']) {
      assert.ok(!digitsCanBeChosen(version), version)
    }
  })
})
