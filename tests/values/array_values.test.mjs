// Arrays on their way: through the codec, through Python's, and through a service in Python.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { ndarray, told, typedArray } from './array_arbitraries.mjs'
import { decode, encode, IpcError, NDArray } from './notation.mjs'

const isBytes = array => told(array).dtype === 'uint8' && array.shape?.length === 1

function refuses(value, message, code = 'invalid_argument') {
  assert.throws(
    () => encode(value),
    error => error instanceof IpcError && error.code === code && message.test(error.message),
  )
}

describe('through the codec', () => {
  test('any array arrives as it was', () => {
    fc.assert(fc.property(ndarray, array => assert.deepEqual(told(decode(encode(array))), told(array))))
    fc.assert(
      fc.property(typedArray, array => {
        const arrived = decode(encode(array))
        assert.equal(arrived.constructor, array.constructor)
        assert.deepEqual(told(arrived), told(array))
      }),
    )
  })

  test('what arrives shares nothing with the message, and is aligned', () => {
    for (let count = 0; count < 20; count++) {
      const message = encode(['x'.repeat(count), Float64Array.of(1, 2), NDArray.from([[1n]])])
      const [, typed, nested] = decode(message)
      message.fill(0)
      assert.deepEqual(typed, Float64Array.of(1, 2))
      assert.equal(nested.at(0, 0), 1n)
      assert.equal(typed.buffer.byteLength, 16)
    }
  })

  test('arrays of other realms are arrays', () => {
    assert.deepEqual(decode(encode(runInNewContext('Float32Array.of(1.5)'))), Float32Array.of(1.5))
    assert.deepEqual(decode(encode(runInNewContext('new DataView(new ArrayBuffer(2))'))), Buffer.alloc(2))
  })

  test('a Uint8ClampedArray is an array of uint8, a Buffer stays bytes', () => {
    assert.deepEqual(decode(encode(Uint8ClampedArray.of(300))), Uint8Array.of(255))
    assert.ok(Buffer.isBuffer(decode(encode(Uint8Array.of(1)))))
    assert.ok(!Buffer.isBuffer(decode(encode(new NDArray(Uint8Array.of(1))))))
  })

  test('a part of a buffer is that part', () => {
    assert.deepEqual(decode(encode(new Int16Array(Int16Array.of(1, 2, 3).buffer, 2, 1))), Int16Array.of(2))
    const shared = new Int32Array(new SharedArrayBuffer(8))
    shared[1] = 7
    assert.deepEqual(decode(encode(shared)), Int32Array.of(0, 7))
  })

  test('a float16 that the runtime has no class for is an NDArray', () => {
    const arrived = decode(encode(NDArray.from([1.5, -0, 65504, 2 ** -24, Number.NaN], 'float16')))
    assert.equal(arrived.constructor, globalThis.Float16Array ?? NDArray)
    const numbers = arrived.toArray?.() ?? Array.from(arrived)
    assert.deepEqual(numbers, [1.5, -0, 65504, 2 ** -24, Number.NaN])
  })

  test('an NDArray of another copy of the library is one', () => {
    const { data, shape, dtype, strides, offset } = NDArray.from([[1, 2]]).transpose()
    const Other = Object.create({ [Symbol.for('ipcbridge.NDArray')]: true })
    const other = properties => Object.assign(Object.create(Other), { data, shape, dtype, strides, offset }, properties)
    assert.deepEqual(told(decode(encode(other()))), told(NDArray.from([[1], [2]])))
    refuses(other({ shape: [9, 9] }), /^result cannot be sent: an NDArray that is none: /)
    refuses([other({ data: [1, 2] })], /^result\[0\] cannot be sent: an NDArray that is none: /)
  })

  test('arrays weigh what their contents do, and are no level', () => {
    const array = new Float64Array(0)
    const most = Math.floor((2 ** 23 - 4) / 18)
    assert.equal(decode(encode(new Array(most).fill(array))).length, most)
    refuses(new Array(most + 1).fill(array), /more values than one message may hold/, 'resource_exhausted')
    let deep = new Float64Array(2_000_000)
    for (let level = 0; level < 128; level++) deep = [deep]
    assert.equal(decode(encode(deep)).length, 1)
  })

  const transferred = array => {
    structuredClone(array, { transfer: [array.buffer] })
    return array
  }
  const canTransfer = { skip: globalThis.structuredClone === undefined }

  test('memory that is gone is refused with its path', canTransfer, () => {
    refuses([transferred(Float32Array.of(1))], /^result\[0\] cannot be sent: bytes whose ArrayBuffer was transferred/)
    refuses({ a: transferred(new Uint8Array(1)) }, /^result\.a .* was transferred/)
    const whole = new ArrayBuffer(4)
    structuredClone(whole, { transfer: [whole] })
    refuses({ whole }, /^result\.whole .* was transferred/)
    const view = new DataView(new ArrayBuffer(4))
    structuredClone(view.buffer, { transfer: [view.buffer] })
    refuses([view], /^result\[0\] .* was transferred/)
    const array = NDArray.from([1, 2])
    transferred(array.data)
    refuses([array], /^result\[0\] .* was transferred/)
    for (const read of [() => array.at(0), () => array.toArray(), () => array.slice(0).at()]) {
      assert.throws(read, { code: 'failed_precondition' })
    }
    const text = NDArray.from(['a'])
    transferred(text.data)
    assert.throws(() => text.at(0), { code: 'failed_precondition' })
  })

  test('a buffer that was made shorter', { skip: ArrayBuffer.prototype.resize === undefined }, () => {
    const buffer = new ArrayBuffer(16, { maxByteLength: 32 })
    const tracking = new Float32Array(buffer)
    const fixed = new Float32Array(buffer, 8, 2)
    const offset = new Int8Array(buffer, 8)
    const view = new DataView(buffer, 8)
    const array = new NDArray(tracking)
    const strided = array.slice([null, null, 2])
    buffer.resize(32)
    assert.equal(decode(encode(tracking)).length, 8)
    assert.equal(decode(encode(array)).length, 4)
    buffer.resize(4)
    assert.deepEqual(decode(encode(tracking)), Float32Array.of(0))
    for (const gone of [fixed, offset, view]) refuses([gone], /^result\[0\] .*made shorter than they reach/)
    for (const gone of [array, strided]) refuses([gone], /^result\[0\] cannot be sent: /)
  })

  test('an array whose memory goes while others are walked is refused', canTransfer, () => {
    const array = Float64Array.of(1)
    const value = {
      get first() {
        transferred(array)
        return 1
      },
      array,
    }
    refuses(value, /^result\.array .* was transferred/)
  })

  test('what an object says of itself does not count', () => {
    class Liar extends Float64Array {
      get length() {
        return 10 ** 9
      }
      get byteLength() {
        return 10 ** 9
      }
      get buffer() {
        return new ArrayBuffer(0)
      }
      get [Symbol.toStringTag]() {
        return 'Int8Array'
      }
    }
    assert.deepEqual(decode(encode(Liar.of(1.5))), Float64Array.of(1.5))
  })
})

describe('through Python', () => {
  const venv = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url))
  const python = process.env.PYTHON ?? (existsSync(venv) ? venv : 'python3')
  let directory
  let child
  let remote
  let ipc

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'ipcb-'))
    process.env.IPCBRIDGE_DIR = directory
    ipc = await import('ipcbridge')
    const service = fileURLToPath(new URL('array_service.py', import.meta.url))
    child = spawn(python, [service], { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    remote = await ipc.connect('arrays')
  })
  after(async () => {
    await ipc.close(remote)
    child.stdin.end()
    await once(child, 'exit')
    rmSync(directory, { recursive: true })
  })

  test('any array comes back as it went', async () => {
    const property = fc.asyncProperty(fc.array(ndarray, { maxLength: 3 }), async arrays => {
      const sent = arrays.filter(array => !isBytes(array))
      for (const [index, arrived] of (await remote.echo(sent)).entries()) {
        assert.deepEqual(told(arrived), told(sent[index]))
      }
    })
    await fc.assert(property)
    await fc.assert(
      fc.asyncProperty(typedArray, async array => assert.deepEqual(told(await remote.echo(array)), told(array))),
    )
  })

  test('the elements are what NumPy says that they are', async () => {
    const listed = value => remote.listed(value)
    assert.deepEqual(await listed(NDArray.from([[1, 2.5]])), [[1, 2.5]])
    assert.deepEqual(await listed(NDArray.from([[true], [false]]).transpose()), [[true, false]])
    assert.deepEqual(await listed(NDArray.from(['a', 'héé😀', ''])), ['a', 'héé😀', ''])
    assert.deepEqual(await listed(NDArray.from([2n ** 63n - 1n, -1n])), [2n ** 63n - 1n, -1])
    assert.deepEqual(await listed(NDArray.from([new Date(86_400_123), null])), ['1970-01-02T00:00:00.123', 'NaT'])
    assert.deepEqual(await listed(NDArray.from([{ re: 1, im: -2 }])), ['(1-2j)'])
    const fields = [
      ['x', 'float32'],
      ['n', 'int64', [2]],
    ]
    assert.deepEqual(await listed(NDArray.from([{ x: 1.5, n: [1n, 2] }], fields)), [[1.5, [1, 2]]])
    assert.deepEqual(await listed(new NDArray(Uint8Array.of(1, 2, 3))), [1, 2, 3])
    assert.equal(await listed(NDArray.from(7)), 7)
  })

  test('what Python makes arrives as the table says', async () => {
    const kind = async dtype => (await remote.zeros([2], dtype)).constructor
    assert.deepEqual(await Promise.all(['i1', 'u1', '>i2', 'u2', 'i4', 'u4', 'i8', '>u8', 'f4', 'f8'].map(kind)), [
      Int8Array,
      Uint8Array,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      BigInt64Array,
      BigUint64Array,
      Float32Array,
      Float64Array,
    ])
    for (const dtype of ['?', 'c8', 'M8[us]', 'U3', 'S3', 'V3', 'i4,f8']) assert.equal(await kind(dtype), NDArray)
    assert.deepEqual((await remote.zeros([], 'i4')).shape, [])
    assert.deepEqual((await remote.zeros([0, 3], 'f8')).shape, [0, 3])
    assert.equal(
      (await remote.moment('2020-02-29T12:34:56.789999', 'us')).at().toISOString(),
      '2020-02-29T12:34:56.789Z',
    )
    assert.equal((await remote.moment('2020-02-29T12:34:56.789', 'ns')).at(), 1_582_979_696_789_000_000n)
    assert.equal((await remote.moment('2020-02', 'M')).at().toISOString(), '2020-02-01T00:00:00.000Z')
    assert.equal((await remote.moment('-0044', 'Y')).at().getUTCFullYear(), -44)
    assert.equal((await remote.moment('NaT', 's')).at(), null)
  })

  test('dates are the same to both', async () => {
    const dated = fc.date({
      min: new Date('0010-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    })
    const property = fc.asyncProperty(
      dated,
      fc.constantFrom('Y', 'M', 'W', 'D', 'h', 'm', 's', 'ms', 'us', '7D'),
      async (date, unit) => {
        const array = NDArray.from([date], `datetime64[${unit}]`)
        const theirs = await remote.truncated(date, unit)
        assert.equal(array.data[0], BigInt(theirs.count))
        assert.equal(array.at(0).getTime(), theirs.date.getTime())
      },
    )
    await fc.assert(property)
  })
})
