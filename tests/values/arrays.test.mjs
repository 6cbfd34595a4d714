// NDArray: docs/arrays.md.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { refuses, square } from './array_checks.mjs'
import { NDArray } from './notation.mjs'

describe('making one', () => {
  test('of a typed array, which it does not copy', () => {
    const data = Float32Array.of(1, 2, 3, 4)
    const array = new NDArray(data, [2, 2])
    data[3] = 9
    assert.equal(array.data, data)
    assert.deepEqual(array.toArray(), [
      [1, 2],
      [3, 9],
    ])
    assert.deepEqual([array.dtype, array.shape, array.strides, array.offset], ['float32', [2, 2], [2, 1], 0])
    assert.deepEqual([array.ndim, array.size], [2, 4])
    assert.deepEqual(new NDArray(data).shape, [4])
    assert.deepEqual(new NDArray(data, []).at(), 1)
  })

  test('with strides and an offset', () => {
    const data = Int8Array.of(0, 1, 2, 3, 4, 5)
    assert.deepEqual(new NDArray(data, [3, 2], { strides: [1, 3] }).toArray(), [
      [0, 3],
      [1, 4],
      [2, 5],
    ])
    assert.deepEqual(new NDArray(data, [3], { strides: [-2], offset: 5 }).toArray(), [5, 3, 1])
    assert.deepEqual(new NDArray(data, [2, 3], { strides: [0, 1] }).toArray(), [
      [0, 1, 2],
      [0, 1, 2],
    ])
    assert.deepEqual(new NDArray(data, [0, 9], { offset: 99 }).toArray(), [])
  })

  test('of another dtype than the typed array says', () => {
    assert.deepEqual(new NDArray(Uint8Array.of(1, 0), [2], { dtype: 'bool' }).toArray(), [true, false])
    assert.deepEqual(new NDArray(Float64Array.of(1, 2), [1], { dtype: 'complex128' }).toArray(), [{ re: 1, im: 2 }])
    assert.equal(new NDArray(Float64Array.of(1, 2, 3, 4), undefined, { dtype: 'complex128' }).size, 2)
    assert.equal(new NDArray(Uint16Array.of(0x3c00), [], { dtype: 'float16' }).at(), 1)
    assert.deepEqual(new NDArray(BigInt64Array.of(1n), [1], { dtype: 'datetime64[D]' }).at(0), new Date(86_400_000))
    assert.equal(new NDArray(Uint8Array.of(97, 0, 0, 0), [1], { dtype: '<U1' }).at(0), 'a')
  })

  test('what does not fit together is refused', () => {
    const data = new Float64Array(6)
    refuses(() => new NDArray([1, 2]), /takes a typed array first/)
    refuses(() => new NDArray(new DataView(new ArrayBuffer(8))), /takes a typed array first/)
    refuses(() => new NDArray(data, [2, 4]), /does not fit into data of 6/)
    refuses(() => new NDArray(data, [6], { offset: 1 }), /does not fit/)
    refuses(() => new NDArray(data, [2], { strides: [-1] }), /does not fit/)
    refuses(() => new NDArray(data, [2, 3], { strides: [1] }), /strides are an array of 2 integers/)
    refuses(() => new NDArray(data, [1.5]), /integers from 0 on, and one is 1\.5/)
    refuses(() => new NDArray(data, [-1]), /and one is -1/)
    refuses(() => new NDArray(data, 6), /a shape is an array/)
    refuses(() => new NDArray(data, new Array(65).fill(1)), /at most 64/)
    refuses(() => new NDArray(data, [0, 2 ** 53 - 1]), /too many elements/)
    refuses(() => new NDArray(data, [6], { offset: 0.5 }), /offset of an array is an integer/)
    refuses(() => new NDArray(data, [6], { dtype: 'int32' }), /data of a int32 array are a Int32Array/)
    refuses(() => new NDArray(data, [6], { dtype: 'datetime64[us]' }), /are a BigInt64Array/)
    for (const dtype of [
      'float',
      'object',
      '<U0',
      '|S',
      'datetime64[x]',
      'datetime64[1s]',
      5,
      [],
      ['a'],
      [['a']],
      [['', 'int8']],
    ]) {
      refuses(() => new NDArray(new Uint8Array(8), [1], { dtype }), /dtype|field|elements/)
    }
    refuses(
      () =>
        NDArray.from(
          [{}],
          [
            ['a', 'int8'],
            ['a', 'int8'],
          ],
        ),
      /without a name of its own/,
    )
    refuses(() => NDArray.from([{}], [['a', 'int8', [0]]]), /without any bytes/)
  })
})

describe('from()', () => {
  test('numbers, BigInts, booleans, text, bytes, dates and complex numbers say themselves what they are', () => {
    const dtypes = [
      [1, 2.5],
      [1n],
      [[true]],
      ['a', 'bcd'],
      [Buffer.from('ab')],
      [new Date(5), null],
      [{ re: 1, im: 2 }],
      [],
      5,
    ]
    assert.deepEqual(
      dtypes.map(values => NDArray.from(values).dtype),
      ['float64', 'int64', 'bool', '<U3', '|S2', 'datetime64[ms]', 'complex128', 'float64', 'float64'],
    )
    for (const values of dtypes.slice(0, -1)) assert.deepEqual(NDArray.from(values).toArray(), values)
  })

  test('typed arrays and NDArrays are copied, or converted', () => {
    const data = Int16Array.of(1, 2)
    const array = NDArray.from(data)
    data[0] = 9
    assert.deepEqual([array.dtype, array.toArray()], ['int16', [1, 2]])
    assert.deepEqual(NDArray.from([data, data]).shape, [2, 2])
    assert.deepEqual(NDArray.from(data, 'complex64').at(0), { re: 9, im: 0 })
    assert.deepEqual(NDArray.from(square().transpose()).toArray(), [
      [1, 4],
      [2, 5],
      [3, 6],
    ])
    assert.equal(NDArray.from(NDArray.from([1], 'int8')).dtype, 'int8')
    assert.deepEqual(NDArray.from([1, 2], 'int64').data, BigInt64Array.of(1n, 2n))
  })

  test('what is not of one shape or kind is refused', () => {
    refuses(() => NDArray.from([[1, 2], [3]]), /an array of 1 at \[1\], and arrays of 2 elsewhere/)
    refuses(() => NDArray.from([[1], 2]), /2 at \[1\], and arrays of 1 elsewhere/)
    refuses(() => NDArray.from([1, [2]]), /an array at \[1\], and elements elsewhere/)
    refuses(() => NDArray.from([1, 'a']), /needs a dtype/)
    refuses(() => NDArray.from([{ a: 1 }]), /needs a dtype/)
    refuses(() => NDArray.from([null]), /needs a dtype/)
    const wrong = [
      ['1', 'float64'],
      [1.5, 'int64'],
      [1, 'bool'],
      ['abc', '<U2'],
      [1, '<U2'],
      ['abc', '|S2'],
    ]
    wrong.push(
      ['a', '|V2'],
      [5, 'datetime64[s]'],
      [1.5, 'timedelta64[s]'],
      [1, [['a', 'int8']]],
      [{ b: 1 }, [['a', 'int8']]],
    )
    wrong.push([{ a: [1] }, [['a', 'int8', [2]]]])
    for (const [value, dtype] of wrong) refuses(() => NDArray.from([value], dtype), /element of a|structure|field/)
  })

  test('float16 rounds to the nearest, to even where two are as near', () => {
    const halves = [0, -0, 1, 65504, 2 ** -14, 2 ** -24, Number.POSITIVE_INFINITY, Number.NaN]
    assert.deepEqual(NDArray.from(halves, 'float16').toArray(), halves)
    const rounded = NDArray.from(
      [65519, 65520, -65520, 2 ** -25, 1.5 * 2 ** -24, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 2047.9999],
      'float16',
    )
    const inf = Number.POSITIVE_INFINITY
    assert.deepEqual(rounded.toArray(), [65504, inf, -inf, 0, 2 ** -23, 1, 1 + 2 ** -9, 2048])
  })
})

describe('elements', () => {
  test('are found from the beginning and the end', () => {
    const array = square()
    assert.deepEqual([array.at(0, 0), array.at(1, 2), array.at(-1, -1), array.at(-2, 1)], [1, 6, 6, 2])
    assert.equal(NDArray.from(7).at(), 7)
    refuses(() => array.at(2, 0), /the index 2 along axis 0, which has 2/, 'out_of_range')
    refuses(() => array.at(0, -4), /the index -4 along axis 1, which has 3/, 'out_of_range')
    refuses(() => array.at(0), /an index for each of 2 axes, not 1/)
    refuses(() => array.at(0, 0.5), /an index is an integer, not 0\.5/)
  })

  test('are walked along the first axis', () => {
    assert.deepEqual([...NDArray.from([1, 2])], [1, 2])
    assert.deepEqual(
      [...square()].map(row => row.toArray()),
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    )
    refuses(() => [...NDArray.from(1)], /without axes/)
  })

  test('times', () => {
    const at = (count, dtype) => new NDArray(BigInt64Array.of(count), [1], { dtype }).at(0)
    assert.deepEqual(at(-1n, 'datetime64[us]'), new Date(-1))
    assert.deepEqual(at(-14n, 'datetime64[M]'), new Date('1968-11-01T00:00:00Z'))
    assert.deepEqual(at(3n, 'datetime64[25s]'), new Date(75_000))
    assert.equal(at(5n, 'datetime64[ns]'), 5n)
    assert.equal(at(5n, 'datetime64'), 5n)
    assert.equal(at(-5n, 'timedelta64[us]'), -5n)
    for (const dtype of ['datetime64[us]', 'datetime64[ns]', 'timedelta64[Y]'])
      assert.equal(at(-(2n ** 63n), dtype), null)
    for (const [count, unit] of [
      [2n ** 63n - 1n, 'us'],
      [2n ** 62n, 'Y'],
      [2n ** 62n, 'M'],
      [300_000n, 'Y'],
      [2n ** 40n, 'W'],
    ]) {
      refuses(() => at(count, `datetime64[${unit}]`), /no Date can hold/, 'out_of_range')
    }
  })

  test('a field keeps its name, whatever the name', () => {
    const array = NDArray.from(
      [JSON.parse('{"__proto__": 1, "constructor": 2}')],
      [
        ['__proto__', 'int8'],
        ['constructor', 'int8'],
      ],
    )
    assert.deepEqual(Object.entries(array.at(0)), [
      ['__proto__', 1],
      ['constructor', 2],
    ])
  })

  test('text that is no text', () => {
    const data = new Uint8Array(Uint32Array.of(0x61, 0x110000, 0xd800, 0, 0x62, 0).buffer)
    assert.equal(new NDArray(data, [1], { dtype: '<U6' }).at(0), 'a\ufffd\ud800\0b')
  })
})

describe('as something else', () => {
  test('JSON', () => {
    const array = NDArray.from(
      [{ n: 1n, big: 2n ** 60n, s: 'a', d: new Date(0), b: Buffer.from('x') }],
      [
        ...[
          ['n', 'int64'],
          ['big', 'int64'],
          ['s', '<U1'],
          ['d', 'datetime64[s]'],
          ['b', '|S1'],
        ],
      ],
    )
    assert.equal(
      JSON.stringify({ array }),
      '{"array":[{"n":1,"big":"1152921504606846976","s":"a","d":"1970-01-01T00:00:00.000Z","b":"x"}]}',
    )
    assert.equal(JSON.stringify(square()), '[[1,2,3],[4,5,6]]')
  })

  test('a short text', () => {
    assert.equal(inspect(square()), 'NDArray(2, 3) float64 [[1, 2, 3], [4, 5, 6]]')
    assert.equal(inspect({ a: NDArray.from('x') }), "{ a: NDArray() <U1 'x' }")
    assert.equal(inspect(new NDArray(new Int8Array(1000))), 'NDArray(1000) int8 [0, 0, 0, 0, 0, 0, …]')
    const large = inspect(new NDArray(new Float64Array(10 ** 6), new Array(6).fill(10)))
    assert.ok(large.length < 500, large)
    assert.match(inspect(NDArray.from([{ x: 1 }], [['x', 'int8']])), /^NDArray\(1\) \[\["x","int8"\]\] \[\{ x: 1 \}\]$/)
    assert.equal(Object.prototype.toString.call(square()), '[object NDArray]')
  })

  test('what assert compares, and what structuredClone leaves', {
    skip: globalThis.structuredClone === undefined,
  }, () => {
    assert.notDeepEqual(NDArray.from([1]), NDArray.from([2]))
    assert.notDeepEqual(NDArray.from([1, 2]), NDArray.from([[1], [2]]))
    const left = structuredClone(square().slice(null, 1))
    assert.deepEqual(new NDArray(left.data, left.shape, left), square().slice(null, 1))
  })
})
