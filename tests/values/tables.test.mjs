// Tables: docs/tables.md.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { arrow, arrowModule } from './apache_arrow.mjs'
import { codec, decode, encode } from './notation.mjs'
import { plain, pythonTables, streamIn, tableMessage, value, vectors } from './table_notation.mjs'

const told = pythonTables()
const list = values => (Array.isArray(values) ? values : Array.from(values))

/** Whether a stream has the columns that Python has told. */
function assertColumns(stream, vector) {
  const { columns, index, dtypes } = plain(stream)
  assert.deepEqual(Object.keys(columns), Object.keys(vector.columns))
  for (const [name, values] of Object.entries(vector.columns)) {
    assert.deepStrictEqual(list(columns[name]), value(values), name)
  }
  assert.deepStrictEqual(index === null ? null : list(index), value(vector.index))
  assert.deepStrictEqual(dtypes, vector.dtypes)
}

const refuses = (sent, message, code = 'invalid_argument') =>
  assert.throws(
    () => encode(sent),
    error => error.name === 'IpcError' && error.code === code && message.test(error.message),
  )

/** A value as tables.json tells it, which Python's str() has made of what JSON has no word for. */
function shown(value) {
  if (Array.isArray(value)) return value.map(shown)
  if (Buffer.isBuffer(value)) return value.toString('hex')
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shown(item)]))
}

describe('what both languages read', () => {
  // What times are is told in Python's way.
  for (const { name, hex, columns, types } of vectors.tables.filter(({ name }) => name !== 'times')) {
    test(name, () => {
      const message = Buffer.from(hex, 'hex')
      const table = plain(streamIn(message))
      for (const [column, values] of Object.entries(table.columns)) {
        if (!values.some?.(value => value instanceof Date))
          assert.deepEqual(shown(list(values)), columns[column], column)
      }
      if (table.index === null) assert.deepEqual(Object.values(table.dtypes), types)
      const { schema } = decode(message)
      assert.deepEqual(
        schema.fields.map(field => field.name),
        Object.keys(columns),
      )
    })
  }
})

describe('what Python writes', () => {
  for (const vector of told) {
    const stream = Buffer.from(vector.hex, 'hex')

    test(`without apache-arrow: ${vector.name}`, () => assertColumns(stream, vector))

    test(`there and back through apache-arrow: ${vector.name}`, () => {
      const table = decode(tableMessage('pandas', stream))
      assert.ok(table instanceof arrow.Table)
      assertColumns(streamIn(encode(table)), vector)
    })
  }
})

describe('what a column is without apache-arrow', () => {
  const plainColumn = data => plain(arrow.tableToIPC(new arrow.Table({ a: new arrow.Vector([data]) }))).columns.a
  const columnOf = (type, values) => plainColumn(arrow.vectorFromArray(values, type).data[0])

  test('numbers, all there, are a typed array', () => {
    assert.deepEqual(columnOf(new arrow.Int8(), [1, -1]), Int8Array.of(1, -1))
    assert.deepEqual(columnOf(new arrow.Uint16(), [1, 2]), Uint16Array.of(1, 2))
    assert.deepEqual(columnOf(new arrow.Int64(), [1n, -1n]), BigInt64Array.of(1n, -1n))
    assert.deepEqual(columnOf(new arrow.Uint64(), [1n]), BigUint64Array.of(1n))
    assert.deepEqual(columnOf(new arrow.Float32(), [1.5]), Float32Array.of(1.5))
    assert.deepEqual(columnOf(new arrow.Float64(), []), Float64Array.of())
    const halves = columnOf(new arrow.Float16(), [1.5])
    assert.deepEqual([halves.constructor, ...halves], [globalThis.Float16Array ?? Array, 1.5])
  })

  test('so are durations, and times of 64 bits', () => {
    assert.deepEqual(columnOf(new arrow.DurationSecond(), [5n]), BigInt64Array.of(5n))
    assert.deepEqual(columnOf(new arrow.TimeNanosecond(), [5n]), BigInt64Array.of(5n))
    assert.deepEqual(columnOf(new arrow.TimeSecond(), [5]), [5n])
  })

  test('others, and those with nulls, are arrays', () => {
    assert.deepEqual(columnOf(new arrow.Int32(), [1, null]), [1, null])
    assert.deepEqual(columnOf(new arrow.Bool(), [true, false]), [true, false])
    const intervals = type => plainColumn(arrow.makeData({ type, data: Int32Array.of(13, -2) }))
    assert.deepEqual(intervals(new arrow.IntervalYearMonth()), [13, -2])
    assert.deepEqual(intervals(new arrow.IntervalDayTime()), [{ days: 13, milliseconds: -2 }])
  })

  test('numbers are not copied', () => {
    const { columns } = plain(arrow.tableToIPC(arrow.tableFromArrays({ a: Int32Array.of(1), b: Float64Array.of(2) })))
    assert.equal(columns.a.buffer, columns.b.buffer)
  })

  test('moments are cut off toward the past, whatever their unit', () => {
    const units = [new arrow.TimestampMicrosecond(), new arrow.TimestampNanosecond()]
    const moment = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    fc.assert(
      fc.property(moment, fc.nat(1), fc.integer({ min: -1, max: 1 }), (any, place, beside) => {
        const by = [1000n, 1_000_000n][place]
        const near = (any / by) * by + BigInt(beside)
        for (const count of [BigInt.asIntN(64, near), any]) {
          const whole = (count - (((count % by) + by) % by)) / by
          const data = arrow.makeData({ type: units[place], data: BigInt64Array.of(count) })
          if (whole > 8_640_000_000_000_000n || whole < -8_640_000_000_000_000n) {
            assert.throws(() => plainColumn(data), { code: 'out_of_range' })
          } else assert.deepEqual(plainColumn(data), [new Date(Number(whole))])
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('a moment that no Date can hold is refused', () => {
    const late = arrow.makeData({ type: new arrow.TimestampSecond(), data: BigInt64Array.of(8_640_000_000_001n) })
    assert.throws(() => plainColumn(late), { code: 'out_of_range' })
  })

  test('two columns of one name are refused', () => {
    const field = arrow.Field.new({ name: 'a', type: new arrow.Int32() })
    assert.throws(() => plain(arrow.tableToIPC(new arrow.Table(new arrow.Schema([field, field])))), {
      code: 'failed_precondition',
      message: /two columns named "a" .*npm install apache-arrow/,
    })
  })
})

describe('with apache-arrow', () => {
  const table = () =>
    arrow.tableFromArrays({ n: Int32Array.of(1, 2, 3), s: ['x', 'y', null], d: [new Date(5), null, new Date(7)] })
  const rows = table => table.toArray().map(row => row.toJSON())

  test('a Table arrives as one, in the memory of the message', () => {
    const arrived = decode(encode([table()]))[0]
    assert.deepEqual(rows(arrived), rows(table()))
    const buffers = arrived.batches.flatMap(({ data }) => data.children.map(({ values }) => values.buffer))
    assert.equal(new Set(buffers).size, 1)
    assert.equal(arrived.schema.fields[1].type.typeId, arrow.Type.Dictionary)
  })

  test('a RecordBatch arrives as one', () => {
    const arrived = decode(encode(table().batches[0]))
    assert.ok(arrived instanceof arrow.RecordBatch)
    assert.deepEqual(rows(arrived), rows(table()))
    const none = decode(encode(new arrow.RecordBatch(table().schema, undefined)))
    assert.ok(none instanceof arrow.RecordBatch)
    assert.deepEqual([none.numRows, none.numCols], [0, 3])
  })

  test('one of its ES modules is the same, also in another realm', () => {
    const foreign = arrowModule.tableFromArrays({ n: [1n, 2n], s: ['x', 'y'], d: [new Date(5), new Date(6)] })
    assert.notEqual(foreign.constructor, arrow.Table)
    assert.deepEqual(rows(decode(encode(foreign))), rows(foreign))
    assert.deepEqual(rows(decode(encode(foreign.batches[0]))), rows(foreign))
    const numbers = arrow.makeData({ type: new arrow.Int32(), data: runInNewContext('Int32Array.of(1, 2)') })
    assert.deepEqual(rows(decode(encode(new arrow.Table({ n: new arrow.Vector([numbers]) })))), [{ n: 1 }, { n: 2 }])
  })

  test('a part of one, chunks, and what it has selected', () => {
    const chunked = table().concat(table().slice(1)).concat(table())
    assert.deepEqual(rows(decode(encode(chunked))), rows(chunked))
    assert.deepEqual(rows(decode(encode(chunked.slice(2, 5)))), rows(chunked.slice(2, 5)))
    assert.deepEqual(rows(decode(encode(chunked.select(['d'])))), rows(chunked.select(['d'])))
    const nested = arrow.vectorFromArray(
      [[1], null, [2, 3]],
      new arrow.List(arrow.Field.new('item', new arrow.Int32(), true)),
    )
    const lists = new arrow.Table({ nested }).slice(1)
    assert.deepEqual(plain(streamIn(encode(lists))).columns.nested, [null, [2, 3]])
  })

  test('one without columns, or without rows', () => {
    for (const empty of [new arrow.Table(), new arrow.Table(table().schema), table().slice(1, 1)]) {
      const arrived = decode(encode(empty))
      assert.deepEqual([arrived.numRows, arrived.numCols], [0, empty.numCols])
    }
  })

  test('a vector may be several columns', () => {
    const a = arrow.makeVector(Float64Array.of(1, 2))
    assert.deepEqual(rows(decode(encode(new arrow.Table({ a, b: a })))), [
      { a: 1, b: 1 },
      { a: 2, b: 2 },
    ])
  })

  test('its metadata travel', () => {
    const field = new arrow.Field('a', new arrow.Int32(), true, new Map([['unit', 'm']]))
    const { schema } = decode(encode(new arrow.Table(new arrow.Schema([field], new Map([['made', 'today']])))))
    assert.equal(schema.metadata.get('made'), 'today')
    assert.equal(schema.fields[0].metadata.get('unit'), 'm')
  })

  test('a kind that is not known is a table', () => {
    const stream = Buffer.from(arrow.tableToIPC(table()))
    for (const kind of ['pandas', 'polars.series', 'whatever']) {
      assert.ok(decode(tableMessage(kind, stream)) instanceof arrow.Table)
    }
  })

  test('a Vector is refused, and columns that do not travel', () => {
    refuses(
      { a: table().getChild('n') },
      /^result\.a cannot be sent: a Vector of apache-arrow: send new Table\(\{ values: vector \}\)$/,
    )
    const views = arrow.vectorFromArray(['a'], new arrow.Utf8View())
    refuses([new arrow.Table({ views })], /^result\[0\] cannot be sent: a table with a column of Utf8View/)
  })

  test('one whose memory was transferred is refused', () => {
    const type = new arrow.Bool()
    const data = Uint8Array.of(0xff, 0xff)
    const column = arrow.makeVector(arrow.makeData({ type, length: 16, data }))
    const gone = new arrow.Table({ column }).slice(1, 9)
    structuredClone(data.buffer, { transfer: [data.buffer] })
    refuses([gone], /^result\[0\] cannot be sent: a table with memory that was released or transferred/)
  })

  test('columns that nest too deep are refused before they are sent', () => {
    const nested = depth => {
      let type = new arrow.Int32()
      for (let level = 1; level < depth; level++) type = new arrow.List(arrow.Field.new({ name: 'item', type }))
      return new arrow.Table(new arrow.Schema([arrow.Field.new({ name: 'a', type })]))
    }
    assert.equal(decode(encode(nested(64))).numCols, 1)
    refuses([nested(65)], /^result\[0\] cannot be sent: a table with columns nested more than 64 levels deep/)
  })

  test('what only looks like a table is refused', () => {
    const like = properties => Object.create({ getChildAt() {} }, Object.getOwnPropertyDescriptors(properties))
    const type = Object.assign(Object.create({ toString: () => 'Cycle' }), { typeId: arrow.Type.List })
    type.children = [arrow.Field.new({ name: 'item', type })]
    const data = { type: new arrow.Int32(), length: 1 }
    data.children = [data]
    for (const liar of [
      like({ schema: { fields: [] }, batches: [1] }),
      like({ schema: { fields: [null] }, batches: [] }),
      like({ schema: { fields: [arrow.Field.new({ name: 'a', type })] }, batches: [] }),
      like({ schema: table().schema, data }),
      like({
        schema: table().schema,
        get batches() {
          throw new Error('not now')
        },
      }),
    ]) {
      refuses({ liar }, /^result\.liar cannot be sent: /)
    }
  })

  test('a large one is sent beside its message', () => {
    const encoder = new codec.Encoder(undefined, true)
    const length = encoder.encodeResult(arrow.tableFromArrays({ a: new Float64Array(4000) }))
    assert.ok(length < 100, inspect(length))
    const message = Buffer.from(encoder.buffer.subarray(0, length))
    codec.attachTo(
      message,
      encoder.attached.map(parts => Uint8Array.from(Buffer.concat(parts)).buffer),
    )
    assert.equal(decode(message).numRows, 4000)
  })
})
