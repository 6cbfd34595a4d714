// What is refused says what to write instead; here that is done.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { codec, decode, encode } from './notation.mjs'

class Money {
  #cents = 150
  toJSON() {
    return { cents: this.#cents }
  }
}
class Point {
  constructor(x, y) {
    Object.assign(this, { x, y })
  }
}
class Bag {
  *[Symbol.iterator]() {
    yield* [1, 2]
  }
}
class Countdown {
  #left = 2
  next() {
    return { done: this.#left === 0, value: --this.#left }
  }
}
const AsyncFunction = (async () => {}).constructor

// name, value, the advice, what arrives when it is followed; `variable` is how the advice names the value.
const cases = [
  ['a class instance', () => new Point(1, 2), 'value', '{ ...value }', { x: 1, y: 2 }],
  ['a class instance with toJSON', () => new Money(), 'value', 'value.toJSON()', { cents: 150 }],
  ['an iterable of a class', () => new Bag(), 'value', '[...value]', [1, 2]],
  ['an iterable literal', () => ({ *[Symbol.iterator]() {} }), 'value', '[...value]', []],
  ['a regular expression', () => /a+b/g, 'regexp', 'regexp.source', 'a+b'],
  ['a symbol', () => Symbol('red'), 'symbol', 'symbol.description', 'red'],
  ['a boxed number', () => new Number(5), 'value', 'value.valueOf()', 5],
  ['a boxed string', () => new String('x'), 'value', 'value.valueOf()', 'x'],
  ['a boxed BigInt', () => Object(2n ** 70n), 'value', 'value.valueOf()', 2n ** 70n],
  ['a boxed symbol', () => Object(Symbol('red')), 'value', 'value.valueOf().description', 'red'],
  [
    'an Error',
    () => new TypeError('x'),
    'error',
    '{ name: error.name, message: error.message }',
    { name: 'TypeError', message: 'x' },
  ],
  ['a WeakRef', () => new WeakRef(globalThis.URLSearchParams), 'ref', 'ref.deref()', undefined],
  ['URLSearchParams', () => new URLSearchParams('a=1&a=2'), 'params', 'String(params)', 'a=1&a=2'],
  ['a lone surrogate', () => 'a\ud800', 'text', 'Buffer.from(text).toString()', 'a\ufffd'],
]
if (globalThis.Headers !== undefined) {
  cases.push(
    ['Headers', () => new Headers({ a: 'b' }), 'headers', 'Object.fromEntries(headers)', { a: 'b' }],
    ['a Blob', () => new Blob(['abc']), 'blob', 'Buffer.from(await blob.arrayBuffer())', Buffer.from('abc')],
    [
      'a Response',
      () => new Response('abc'),
      'response',
      'Buffer.from(await response.arrayBuffer())',
      Buffer.from('abc'),
    ],
    [
      'a Request',
      () => new Request('http://a/', { method: 'POST', body: 'abc' }),
      'request',
      'Buffer.from(await request.arrayBuffer())',
      Buffer.from('abc'),
    ],
  )
  const form = new FormData()
  form.append('a', 'b')
  cases.push(['a FormData', () => form, 'form', '[...form]', [['a', 'b']]])
}
if (globalThis.File !== undefined) {
  cases.push([
    'a File',
    () => new File(['abc'], 'f'),
    'file',
    'Buffer.from(await file.arrayBuffer())',
    Buffer.from('abc'),
  ])
}

function messageFor(value) {
  try {
    encode(value)
  } catch (error) {
    return error.message
  }
  return assert.fail('it was sent')
}

for (const [name, make, variable, advice, arrives] of cases) {
  test(`instead of ${name}: ${advice}`, async () => {
    const message = messageFor(make())
    assert.ok(message.endsWith(advice), message)
    const follow = new AsyncFunction(variable, `return (${advice})`)
    if (arrives === undefined) await follow(make())
    else assert.deepEqual(decode(encode(await follow(make()))), arrives)
  })
}

const iterators = [
  ['an iterator', () => [1, 2].values(), 'it', [1, 2]],
  ['an iterator of a Map', () => new Map([[1, 2]]).entries(), 'it', [[1, 2]]],
  ['a bare iterator', () => new Countdown(), '{ [Symbol.iterator]: () => it }', [1, 0]],
]
for (const [name, make, iterable, arrives] of iterators) {
  test(`instead of ${name}: its items as a list, or a stream of ${iterable}`, () => {
    const message = messageFor(make())
    const [list, stream] = [`[...${iterable}]`, `ipc.stream(${iterable})`]
    assert.ok(message.endsWith(`send its items as a list, ${list}, or one by one, ${stream}`), message)
    const follow = code => new Function('it', 'ipc', `return ${code}`)(make(), codec)
    assert.deepEqual(decode(encode(follow(list))), arrives)
    assert.deepEqual([...follow(stream).iterable], arrives)
  })
}

test('instead of what is only an async iterable: a stream of it', () => {
  const rows = async function* () {}
  assert.match(messageFor({ [Symbol.asyncIterator]: rows }), /an async iterable: send ipc\.stream\(it\)$/)
})

test('a URL travels as its text, also one of another realm', () => {
  const url = new URL('https://example.org/a b?c=d')
  assert.equal(decode(encode(url)), url.href)
  const foreign = runInNewContext(
    `new (class URL { get href() { return 'x:y' } get [Symbol.toStringTag]() { return 'URL' } })`,
  )
  assert.deepEqual(decode(encode([foreign, new Map([[url, 1]])])), ['x:y', new Map([[url.href, 1]])])
})

class Query {
  // biome-ignore lint/suspicious/noThenProperty: as those of database libraries
  then() {}
}

test('kinds without another form say so', () => {
  for (const [value, message] of [
    [Promise.resolve(), /a promise: await it first/],
    [new Query(), /a promise: await it first/],
    [new WeakMap(), /a WeakMap, whose entries cannot be listed: keep a Map/],
    [new WeakSet(), /a WeakSet, whose elements cannot be listed: keep a Set/],
    [new AbortController().signal, /an AbortSignal: pass it to withOptions\(service, { signal }\)/],
    [Point, /a class \(Point\): send an instance's fields as a plain object/],
    [() => 1, /a function \(anonymous\), which would end with the call: send ipc\.retain\(it\)/],
    [new (class Secret {})(), /an instance of Secret: send a plain object of what the other side needs/],
    [new Date(Number.NaN), /an invalid Date: send null/],
  ]) {
    assert.match(messageFor(value), message)
  }
})
