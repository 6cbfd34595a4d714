// Streams of tables that no writer makes: an error that says so, whatever they hold.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { arrow, tampered, written } from './apache_arrow.mjs'
import { decode, encode, IpcError } from './notation.mjs'
import { aligned, plain, pythonTables, tableMessage, vectors } from './table_notation.mjs'

const table = (type, values) => new arrow.Table({ a: arrow.vectorFromArray(values, type) })
const item = type => arrow.Field.new({ name: 'item', type, nullable: true })
const numbers = () => table(new arrow.Int32(), [1, null, 3])
const texts = () => table(new arrow.Utf8(), ['a', 'bc', 'd'])
const lists = () => table(new arrow.List(item(new arrow.Int32())), [[1], [2, 3]])
const words = () => table(new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()), ['a', 'b', null])

function refuses(stream, message) {
  assert.throws(
    () => decode(tableMessage('table', stream)),
    error => error instanceof IpcError && error.code === 'data_loss' && message.test(error.message),
  )
}

function union(mode, typeIds, valueOffsets) {
  const children = [new arrow.Int32(), new arrow.Float64()]
  const fields = children.map((type, place) => arrow.Field.new({ name: `${place}`, type }))
  const type = new arrow.Union(mode, [0, 1], fields)
  const data = [Int32Array.of(1, 2), Float64Array.of(1, 2)]
  const made = data.map((data, place) => arrow.makeData({ type: children[place], data }))
  return new arrow.Table({
    a: new arrow.Vector([arrow.makeData({ type, length: 2, typeIds, valueOffsets, children: made })]),
  })
}

describe('what neither language takes', () => {
  for (const { name, hex } of vectors.malformed) {
    test(name, () => {
      assert.throws(
        () => decode(Buffer.from(hex, 'hex')),
        error => error instanceof IpcError && error.code === 'data_loss',
      )
    })
  }
})

describe('a stream', () => {
  const stream = Buffer.from(arrow.tableToIPC(numbers()))

  test('that is cut anywhere, or goes on, is refused', () => {
    for (let end = 0; end < stream.length; end++) {
      refuses(stream.subarray(0, end), /^malformed table: (it is cut short|a (message|batch) longer than its stream)/)
    }
    refuses(Buffer.concat([stream, Buffer.alloc(8)]), /8 bytes after its end/)
  })

  test('of several schemas, of none, and of what is none is refused', () => {
    refuses(Buffer.concat([stream.subarray(0, -8), stream]), /neither a batch nor a dictionary/)
    refuses(stream.subarray(-8), /does not begin with a schema/)
    refuses(stream.subarray(8 + stream.readInt32LE(4)), /does not begin with a schema/)
    refuses(Buffer.alloc(64), /without its mark/)
    refuses(written(new arrow.RecordBatchStreamWriter({ writeLegacyIpcFormat: true }), numbers()), /without its mark/)
  })

  test('of a record batch that is several is refused', () => {
    assert.throws(() => decode(tableMessage('batch', Buffer.from(arrow.tableToIPC(numbers().concat(numbers()))))), {
      code: 'data_loss',
    })
  })

  test('whose columns nest too deep is refused', () => {
    const nested = depth => {
      let type = new arrow.Int32()
      for (let level = 1; level < depth; level++) type = new arrow.List(item(type))
      return Buffer.from(arrow.tableToIPC(new arrow.Table(new arrow.Schema([item(type)]))))
    }
    assert.equal(decode(tableMessage('table', nested(64))).numCols, 1)
    refuses(nested(65), /nested more than 64 levels deep/)
  })

  test('whose schema has the same columns again and again does not take as long as if they were many', () => {
    assert.equal(decode(tableMessage('table', sharedChildren(1))).numCols, 1)
    refuses(sharedChildren(60), /parts of its metadata overlap/)
  })
})

/** A stream of a schema whose only column is a struct of twice the same struct, and so on, so many levels deep. */
function sharedChildren(levels) {
  const size = 56
  const metadata = Buffer.alloc(8 + size * (levels + 4))
  const tableAt = place => 8 + size * place + 16
  const refer = (at, target) => metadata.writeUInt32LE(target - at, at)
  /** Before each table, where its fields are; in it, its numbers and what it refers to by field; behind it, a list of tables. */
  const table = (place, { numbers = {}, tables = {}, lists = {} }) => {
    const at = tableAt(place)
    metadata.writeUInt16LE(16, at - 16)
    metadata.writeInt32LE(16, at)
    let next = at + 4
    const add = field => {
      metadata.writeUInt16LE(next - at, at - 12 + 2 * field)
      next += 4
      return next - 4
    }
    for (const [field, number] of Object.entries(numbers)) metadata.writeInt32LE(number, add(field))
    for (const [field, target] of Object.entries(tables)) refer(add(field), tableAt(target))
    for (const [field, targets] of Object.entries(lists)) {
      const list = at + 20
      refer(add(field), list)
      metadata.writeUInt32LE(targets.length, list)
      for (const [index, target] of targets.entries()) refer(list + 4 + 4 * index, tableAt(target))
    }
  }
  const parameters = levels + 3
  refer(0, tableAt(0))
  table(0, { numbers: { 0: 4, 1: 1 }, tables: { 2: 1 } })
  table(1, { lists: { 1: [2] } })
  for (let level = 2; level < levels + 2; level++) {
    table(level, { numbers: { 2: 13 }, tables: { 3: parameters }, lists: { 5: [level + 1, level + 1] } })
  }
  table(levels + 2, { numbers: { 2: 1 }, tables: { 3: parameters } })
  table(parameters, {})
  const prefix = Int32Array.of(-1, metadata.length)
  return Buffer.concat([Buffer.from(prefix.buffer), metadata, Buffer.from(Int32Array.of(-1, 0).buffer)])
}

const changes = [
  ['of fewer nodes', numbers, ({ nodes }) => nodes.pop(), /fewer columns/],
  ['of more nodes', numbers, ({ nodes }) => nodes.push(nodes[0]), /more columns/],
  ['of fewer buffers', numbers, ({ bufferRegions }) => bufferRegions.pop(), /fewer buffers/],
  ['of more buffers', numbers, ({ bufferRegions }) => bufferRegions.push(bufferRegions[0]), /more columns/],
  ['below 0', numbers, ({ nodes }) => Object.assign(nodes[0], { length: -1 }), /a size that is below 0/],
  ['beyond 2^53', numbers, ({ nodes }) => Object.assign(nodes[0], { length: 2 ** 60 }), /that nothing has/],
  [
    'of more values',
    texts,
    ({ nodes }) => Object.assign(nodes[0], { length: 999 }),
    /a buffer of 16 bytes where 4000 are needed/,
  ],
  ['of fewer values', numbers, ({ nodes }) => Object.assign(nodes[0], { length: 2 }), /2 values where 3 are needed/],
  ['of more nulls than values', numbers, ({ nodes }) => Object.assign(nodes[0], { nullCount: 4 }), /more nulls/],
  ['of other nulls', numbers, ({ nodes }) => Object.assign(nodes[0], { nullCount: 2 }), /another number of nulls/],
  ['without its nulls', texts, ({ nodes }) => Object.assign(nodes[0], { nullCount: 1 }), /a buffer of 0 bytes where 1/],
  ['beyond', numbers, ({ bufferRegions }) => Object.assign(bufferRegions[1], { offset: 800 }), /beyond the bytes/],
  [
    'far beyond',
    numbers,
    ({ bufferRegions }) => Object.assign(bufferRegions[1], { length: 2 ** 50 }),
    /beyond the bytes/,
  ],
  [
    'not aligned',
    numbers,
    ({ bufferRegions }) => Object.assign(bufferRegions[1], { offset: 7, length: 12 }),
    /not aligned/,
  ],
  [
    'that overlaps',
    numbers,
    ({ bufferRegions }) => Object.assign(bufferRegions[1], { offset: 0, length: 24 }),
    /buffers that overlap/,
  ],
  ['compressed', numbers, (_, writer) => Object.assign(writer, { _compression: { type: 0 } }), /compressed/],
  ['of offsets that decrease', texts, ({ buffers }) => buffers[1].set([0, 3, 1, 4]), /offsets that decrease/],
  ['of offsets below 0', texts, ({ buffers }) => buffers[1].set([-1]), /offsets that decrease/],
  ['of offsets beyond its bytes', texts, ({ buffers }) => buffers[1].set([0, 1, 2, 9]), /offsets beyond/],
  ['of offsets beyond its items', lists, ({ buffers }) => buffers[1].set([0, 1, 4]), /offsets beyond/],
]

describe('a column', () => {
  for (const [name, made, change, message] of changes) {
    test(`${name} is refused`, () => refuses(tampered(made(), change), message))
  }

  test('of a place that is not in its dictionary is refused', () => {
    for (const place of [2, -1, 2 ** 31 - 1]) {
      const changed = ({ buffers }) => {
        if (buffers.length === 2) buffers[1].set([place])
      }
      refuses(tampered(words(), changed), /beyond its dictionary/)
    }
    const atNull = ({ buffers }) => {
      if (buffers.length === 2) buffers[1].set([99], 2)
    }
    assert.equal(decode(tableMessage('table', tampered(words(), atNull))).numRows, 3)
  })

  test('without its dictionary is refused', () => {
    class Writer extends arrow.RecordBatchStreamWriter {
      _writeDictionaries() {
        return this
      }
    }
    refuses(written(new Writer(), words()), /whose dictionary did not come before it/)
  })

  test('of a union that has no such type, or no such value, is refused', () => {
    const { Sparse, Dense } = arrow.UnionMode
    const stream = (...args) => Buffer.from(arrow.tableToIPC(union(...args)))
    assert.equal(decode(tableMessage('table', stream(Sparse, Int8Array.of(0, 1)))).numRows, 2)
    refuses(stream(Sparse, Int8Array.of(0, 2)), /none of the types of its union/)
    refuses(stream(Sparse, Int8Array.of(0, -1)), /none of the types of its union/)
    assert.equal(decode(tableMessage('table', stream(Dense, Int8Array.of(0, 1), Int32Array.of(1, 0)))).numRows, 2)
    refuses(stream(Dense, Int8Array.of(0, 1), Int32Array.of(0, 2)), /a union that is not there/)
    refuses(stream(Dense, Int8Array.of(0, 1), Int32Array.of(0, -1)), /a union that is not there/)
  })

  test('of text that is not UTF-8 is refused, but for what is null', () => {
    const of = (text, change) => tampered(table(new arrow.Utf8(), text), change)
    refuses(
      of(['a', 'bc'], ({ buffers }) => buffers[2].fill(0xff)),
      /not UTF-8/,
    )
    refuses(
      of(['é', 'b'], ({ buffers }) => buffers[1].set([0, 1, 3])),
      /not UTF-8/,
    )
    const covered = of(['a', null, 'b'], ({ buffers }) => {
      buffers[1].set([0, 1, 2, 2])
      buffers[2].set([0xff], 1)
    })
    assert.deepEqual(plain(covered).columns.a, ['a', null, ''])
  })
})

describe('changed at random', () => {
  const streams = pythonTables().map(({ hex }) => Buffer.from(hex, 'hex'))
  const words = [0, -1, 1, 2, 64, 2 ** 31 - 1, -(2 ** 31)]
  const place = fc.nat(100_000)
  const change = fc.oneof(
    fc.record({ kind: fc.constant('byte'), at: place, to: fc.nat(255) }),
    fc.record({ kind: fc.constant('word'), at: place, to: fc.constantFrom(...words) }),
    fc.record({ kind: fc.constant('copy'), at: place, to: place }),
  )

  function changed(stream, changes) {
    const copy = aligned(stream)
    for (const { kind, at, to } of changes) {
      const start = 4 * (at % (copy.length / 4))
      if (kind === 'byte') copy[at % copy.length] = to
      else if (kind === 'word') copy.writeInt32LE(to, start)
      else copy.copyWithin(start, 4 * (to % (copy.length / 4)), 4 * (to % (copy.length / 4)) + 4)
    }
    return copy
  }

  /** What `read` gives; undefined where it refuses, which it may do with an IpcError alone. */
  function tried(read) {
    try {
      return read()
    } catch (error) {
      assert.ok(error instanceof IpcError, error)
      return undefined
    }
  }

  test('a stream gives a table or an IpcError, and what is a table can be sent again', () => {
    const property = (stream, changes) => {
      const bytes = changed(stream, changes)
      tried(() => plain(bytes))
      const table = tried(() => decode(tableMessage('table', bytes)))
      if (table === undefined) return
      const again = tried(() => decode(encode(table)))
      assert.deepEqual([again?.numRows, again?.numCols], [table.numRows, table.numCols])
    }
    const changes = fc.array(change, { minLength: 1, maxLength: 3 })
    fc.assert(fc.property(fc.constantFrom(...streams), changes, property), {
      numRuns: 20_000,
      seed: -1821484511,
      path: '2630:17',
      endOnFailure: true,
      verbose: 2,
    })
  })
})
