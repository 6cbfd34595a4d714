// What NDArray makes of its memory, and of a copy of it: docs/arrays.md.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ndarray, told } from './array_arbitraries.mjs'
import { refuses, square } from './array_checks.mjs'
import { NDArray } from './notation.mjs'

describe('views', () => {
  test('slices share the memory', () => {
    const array = square()
    const row = array.slice(1)
    row.data[row.offset] = 9
    assert.equal(array.at(1, 0), 9)
    assert.equal(row.data, array.data)
    assert.deepEqual([row.shape, row.strides, row.offset], [[3], [1], 3])
  })

  const cases = [
    [
      [],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      [null, 1],
      [2, 5],
    ],
    [
      [undefined, -1],
      [3, 6],
    ],
    [[0, 0], 1],
    [[[1]], [[4, 5, 6]]],
    [
      [null, [0, 2]],
      [
        [1, 2],
        [4, 5],
      ],
    ],
    [
      [null, [-2]],
      [
        [2, 3],
        [5, 6],
      ],
    ],
    [
      [null, [null, null, 2]],
      [
        [1, 3],
        [4, 6],
      ],
    ],
    [
      [
        [null, null, -1],
        [null, null, -2],
      ],
      [
        [6, 4],
        [3, 1],
      ],
    ],
    [
      [null, [2, 0, -1]],
      [
        [3, 2],
        [6, 5],
      ],
    ],
    [
      [null, [5, 9]],
      [[], []],
    ],
    [[[1, 1]], []],
    [
      [null, [-99, 99]],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      [null, [99, -99, -1]],
      [
        [3, 2, 1],
        [6, 5, 4],
      ],
    ],
  ]
  for (const [slices, expected] of cases) {
    test(`slice(${JSON.stringify(slices).slice(1, -1)})`, () => {
      assert.deepEqual(
        square()
          .slice(...slices)
          .toArray(),
        expected,
      )
      assert.deepEqual(
        square()
          .slice(...slices)
          .copy()
          .toArray(),
        expected,
      )
    })
  }

  test('slices that are none are refused', () => {
    refuses(() => square().slice(2), /the index 2 along axis 0/, 'out_of_range')
    refuses(() => square().slice(0, 0, 0), /3 parts, of an array of 2 dimensions/)
    refuses(() => square().slice([0, 1, 0]), /a step of 0/)
    refuses(() => square().slice([0.5]), /a slice is an integer, null or/)
    refuses(() => square().slice('a'), /a slice is an integer, null or/)
    refuses(() => square().slice([1, 2, 3, 4]), /a slice is/)
  })

  test('reshape', () => {
    const array = square()
    assert.equal(array.reshape(3, 2).data, array.data)
    assert.deepEqual(array.reshape([3, 2]).toArray(), [
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    assert.deepEqual(array.reshape(-1).toArray(), [1, 2, 3, 4, 5, 6])
    assert.deepEqual(array.reshape(1, -1, 1, 2).shape, [1, 3, 1, 2])
    assert.deepEqual(array.transpose().reshape(6).toArray(), [1, 4, 2, 5, 3, 6])
    assert.notEqual(array.transpose().reshape(6).data, array.data)
    assert.deepEqual(array.slice([1, 1]).reshape(0, 7).shape, [0, 7])
    assert.deepEqual(NDArray.from([5]).reshape().at(), 5)
    refuses(() => array.reshape(4), /6 elements cannot have the shape \[4\]/)
    refuses(() => array.reshape(-1, -1), /integers from 0 on|cannot have/)
    refuses(() => array.reshape(-1, 4), /integers from 0 on|cannot have/)
  })

  test('transpose', () => {
    const array = new NDArray(new Int8Array(24), [2, 3, 4])
    assert.deepEqual(
      [array.transpose().shape, array.transpose().strides],
      [
        [4, 3, 2],
        [1, 4, 12],
      ],
    )
    assert.deepEqual(array.transpose([1, 0, 2]).shape, [3, 2, 4])
    for (const axes of [
      [0, 1],
      [0, 0, 1],
      [0, 1, 3],
    ])
      refuses(() => array.transpose(axes), /each of 3 axes once/)
  })

  test('a copy has the same elements in memory of its own', () => {
    fc.assert(
      fc.property(ndarray, array => {
        const copy = array.copy()
        assert.notEqual(copy.data.buffer, array.data.buffer)
        assert.deepEqual([copy.dtype, copy.shape, copy.offset], [array.dtype, array.shape, 0])
        assert.deepEqual(told(copy), told(array))
        const index = array.shape.map(() => 0)
        if (array.size > 0 && array.dtype !== 'float16')
          assert.deepEqual(
            tried(() => copy.at(...index)),
            tried(() => array.at(...index)),
          )
      }),
    )
  })
})

/** What a function gives, or the code of what it throws. */
function tried(act) {
  try {
    return act()
  } catch (error) {
    return error.code
  }
}
