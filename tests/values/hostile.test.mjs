// The user's code that runs while a value is walked, and objects that lie about themselves: a refusal or a snapshot.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { codec, decode, decodeArgs, encode, encodeArgs } from './notation.mjs'

const revoked = target => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function refuses(act, message, code = 'invalid_argument') {
  assert.throws(act, error => {
    assert.equal(error.name, 'IpcError')
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  })
}

/** An object whose property `x` runs `act` when it is read. */
const running = act => ({
  get x() {
    act()
    return 1
  },
})

describe('what changes while it is walked is sent as it was', () => {
  test('an array that shrinks or grows', () => {
    const shrinking = [running(() => shrinking.splice(0)), 2, 3]
    assert.deepEqual(decode(encode(shrinking)), [{ x: 1 }, null, null])
    const growing = [running(() => growing.push(growing[0]))]
    assert.deepEqual(decode(encode(growing)), [{ x: 1 }])
    const args = [running(() => args.splice(0)), 2]
    assert.deepEqual(decodeArgs(encodeArgs(args)), [{ x: 1 }, null])
  })

  test('a Map or Set that grows at every step', () => {
    const map = new Map([[1, running(() => map.set(map.size + 1, map.get(1)).delete(1))]])
    assert.deepEqual(decode(encode(map)), new Map([[1, { x: 1 }]]))
    const set = new Set([running(() => set.add({ ...set }))])
    assert.deepEqual(decode(encode(set)), new Set([{ x: 1 }]))
  })

  test('an object that loses properties', () => {
    const object = {
      get a() {
        delete object.b
        object.c = 3
        return 1
      },
      b: 2,
    }
    assert.deepEqual(decode(encode(object)), { a: 1 })
  })

  test('bytes that are transferred or overwritten by an earlier value', () => {
    const bytes = new Uint8Array([1, 2, 3])
    const transferred = [running(() => structuredClone(bytes, { transfer: [bytes.buffer] })), bytes]
    if (globalThis.structuredClone !== undefined) refuses(() => encode(transferred), /^result\[1\] .*was transferred/)
    const later = new Uint8Array([1])
    assert.deepEqual(decode(encode([running(() => later.fill(9)), later])), [{ x: 1 }, Buffer.of(9)])
    assert.deepEqual(decode(encode(new Uint8Array(0))), Buffer.alloc(0))
  })

  test('bytes of a buffer that is resized', { skip: ArrayBuffer.prototype.resize === undefined }, () => {
    const buffer = new ArrayBuffer(8, { maxByteLength: 16 })
    const [whole, part] = [new Uint8Array(buffer), new Uint8Array(buffer, 4, 4)]
    assert.deepEqual(decode(encode([running(() => buffer.resize(16)), whole])), [{ x: 1 }, Buffer.alloc(16)])
    assert.deepEqual(decode(encode([running(() => buffer.resize(2)), whole])), [{ x: 1 }, Buffer.alloc(2)])
    refuses(() => encode([part]), /^result\[0\] .*made shorter than they reach/)
  })
})

describe('an object that lies', () => {
  test('about the length of its bytes sends those that it has', () => {
    class Long extends Uint8Array {
      get length() {
        return 1 << 20
      }
      get byteLength() {
        return 1 << 20
      }
    }
    assert.deepEqual(decode(encode([new Long(3), 'end'])), [Buffer.alloc(3), 'end'])
    const own = Object.defineProperty(new Uint8Array(3), 'length', { value: 1 << 20 })
    assert.deepEqual(decode(encode([own, 'end'])), [Buffer.alloc(3), 'end'])
  })

  test('about the length of an array is refused', () => {
    for (const length of [-1, 1.5, Number.NaN, 2 ** 32, '2', null, 1e300]) {
      const liar = new Proxy([], { get: (target, key) => (key === 'length' ? length : target[key]) })
      if (length === '2') refuses(() => encode(liar), /length that no array has/)
      else refuses(() => encode([liar]), /^result\[0\] cannot be sent: an array of a length that no array has/)
      refuses(() => encodeArgs(liar), /length that no array has/)
    }
    const huge = new Proxy([], { get: (target, key) => (key === 'length' ? 2 ** 32 - 1 : target[key]) })
    refuses(() => encode(huge), /more values/, 'resource_exhausted')
  })

  test('about its entries, size or time is taken at what the engine knows', () => {
    class Endless extends Map {
      get size() {
        return 1e9
      }
      *[Symbol.iterator]() {
        for (;;) yield [1, 2]
      }
      *entries() {
        for (;;) yield 'no pair'
      }
      forEach() {}
    }
    assert.deepEqual(decode(encode(new Endless([[3, 4]]))), new Map([[3, 4]]))
    class EndlessSet extends Set {
      *[Symbol.iterator]() {
        for (;;) yield 1
      }
    }
    assert.deepEqual(decode(encode(new EndlessSet([3]))), new Set([3]))
    class Never extends Date {
      getTime() {
        return Number.NaN
      }
      getFullYear() {
        return Number.NaN
      }
    }
    assert.deepEqual(decode(encode(new Never(5))), new Date(5))
    assert.deepEqual(decode(encode(codec.localDateTime(new Never(5)))), new Date(5))
  })

  test('about being what kwargs() or float() makes is refused', () => {
    refuses(() => encode([Object.assign(codec.float(2), { value: 'x' })]), /^result\[0\] .*float\(\)/)
    const named = Object.assign(codec.kwargs({}), { values: null })
    refuses(() => encodeArgs([named]), /^kwargs cannot be sent/)
  })
})

describe('a Proxy', () => {
  test('that was revoked is refused, wherever it stands', () => {
    for (const proxy of [revoked({}), revoked([]), revoked(() => {}), revoked(class {}), revoked(new Map())]) {
      refuses(() => encode(proxy), /^result cannot be sent: reading it threw TypeError: .*revoked/)
      refuses(() => encodeArgs([1, { a: proxy }]), /^args\[1\]\.a cannot be sent: reading it threw TypeError/)
      refuses(() => encode(new Map([[proxy, 1]])), /^result<key 0> cannot/)
      refuses(() => encodeArgs([codec.kwargs({ a: proxy })]), /^kwargs\.a cannot/)
      assert.throws(() => codec.kwargs(proxy), { code: 'invalid_argument' })
    }
    refuses(() => encodeArgs(revoked([])), /^args\[0\] cannot be sent: reading it threw/)
    const bytes = codec.encodeError(revoked({}))
    assert.equal(codec.decodeError(bytes, 0, bytes.length).code, 'unknown')
  })

  test('of an object or array is sent as that', () => {
    const value = new Proxy({ a: new Proxy([1, 2], {}) }, {})
    assert.deepEqual(decode(encode(value)), { a: [1, 2] })
  })

  test('whose trap throws is refused with the reason as cause', () => {
    const reason = new Error('no')
    const fail = () => {
      throw reason
    }
    for (const trap of ['get', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor']) {
      const value = new Proxy({ a: 1 }, { [trap]: fail })
      assert.throws(
        () => encode([value]),
        error => error.code === 'invalid_argument' && error.cause === reason,
      )
    }
  })

  test('that is nested without end is refused', () => {
    const endless = new Proxy({ a: 1 }, { get: (_, key) => (key === 'a' ? endless : undefined) })
    refuses(() => encode(endless), /a cycle/)
    const fresh = () => new Proxy({ a: 1 }, { get: (_, key) => (key === 'a' ? fresh() : undefined) })
    refuses(() => encode(fresh()), /128 levels/)
  })
})

test('what the engine cannot make is resource_exhausted', () => {
  const value = {
    get x() {
      return 'x'.repeat(2 ** 30)
    },
  }
  refuses(() => encode(value), /no memory for it \(Invalid string length\)/, 'resource_exhausted')
})
