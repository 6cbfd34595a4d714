import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'

const { kwargs } = ipc

class Shapes {
  #scale = 2
  area(width, height = 1) {
    return this.#scale * width * height
  }
  async later(a, b) {
    return [a, b]
  }
  [['computed', 'name'].join(' ')](x) {
    return x
  }
}

const target = {
  list: (a, b = 'b', c = 'c') => [a, b, c],
  tricky: (a = ')', b = `}${'('}`, c = /[)]/.source, /* d, */ d = (x => x)('=>')) => [a, b, c, d],
  plot: (kind, { title, size = 10 } = {}) => [kind, title, size],
  open: (kind, { title, ...others }) => [kind, title, others],
  rest: (a, ...more) => [a, more],
  old: function named(a, b) {
    return [a, b]
  },
  method(a, b) {
    return [a, b]
  },
  single: a => a,
  async asynchronous(a, b) {
    return [a, b]
  },
  bound: ((a, b) => [a, b]).bind(null),
  declared: ipc.method((...args) => args, { params: ['x', 'y?'] }),
  anything() {
    // biome-ignore lint/complexity/noArguments: it is what this is about
    return [...arguments]
  },
}

const refused = (message, call) => assert.rejects(call, { code: 'invalid_argument', message })

test('keyword arguments bind by the names of parameters', async t => {
  const { remote } = await serveAndConnect(t, target)
  assert.deepEqual(await remote.list(kwargs({ a: 1, c: 3 })), [1, 'b', 3])
  assert.deepEqual(await remote.list(1, kwargs({ b: 2 })), [1, 2, 'c'])
  assert.deepEqual(await remote.tricky(kwargs({ d: 4 })), [')', '}(', '[)]', 4])
  assert.deepEqual(await remote.old(kwargs({ b: 2, a: 1 })), [1, 2])
  assert.deepEqual(await remote.method(kwargs({ b: 2, a: 1 })), [1, 2])
  assert.deepEqual(await remote.asynchronous(kwargs({ b: 2, a: 1 })), [1, 2])
  assert.equal(await remote.single(kwargs({ a: 1 })), 1)
  assert.deepEqual(await remote.rest(kwargs({ a: 1 })), [1, []])
})

test('keyword arguments bind to methods of classes, private names and all', async t => {
  const { remote } = await serveAndConnect(t, new Shapes())
  assert.equal(await remote.area(kwargs({ width: 3, height: 4 })), 24)
  assert.equal(await remote.area(kwargs({ width: 3 })), 6)
  assert.deepEqual(await remote.later(1, kwargs({ b: 2 })), [1, 2])
  assert.equal(await ipc.call(remote, 'computed name', [], { x: 1 }), 1)
})

test('a destructured last parameter takes the rest', async t => {
  const { remote } = await serveAndConnect(t, target)
  assert.deepEqual(await remote.plot('bar', kwargs({ title: 'x' })), ['bar', 'x', 10])
  assert.deepEqual(await remote.plot(kwargs({ kind: 'bar', size: 1 })), ['bar', null, 1])
  assert.deepEqual(await remote.open('bar', kwargs({ title: 'x', colour: 'red' })), ['bar', 'x', { colour: 'red' }])
  await refused(/no parameter 'colour'/, remote.plot('bar', kwargs({ colour: 'red' })))
  await refused(/no parameter 'title'/, remote.plot('bar', {}, kwargs({ title: 'x' })))
})

test('unknown and doubled keyword arguments are refused', async t => {
  const { remote } = await serveAndConnect(t, target)
  await refused(/list\(a, b = 'b', c = 'c'\) has no parameter 'd'/, remote.list(1, kwargs({ d: 1 })))
  await refused(/'a' twice/, remote.list(1, kwargs({ a: 1 })))
  await refused(/old\(a, b\) has no parameter 'c'$/, remote.old(1, kwargs({ c: 2 })))
  await refused(/has no parameter 'more'/, remote.rest(1, kwargs({ more: 1 })))
})

test('method() gives the names where the source does not', async t => {
  const { remote } = await serveAndConnect(t, target)
  assert.deepEqual(await remote.declared(kwargs({ y: 2, x: 1 })), [1, 2])
  await refused(/declared\(x, y\?\)/, remote.declared(kwargs({ z: 2 })))
  await refused(/method\(fn, \{ params/, remote.bound(kwargs({ a: 1 })))
  assert.throws(() => ipc.method(() => {}, { params: ['not a name'] }), { code: 'invalid_argument' })
  assert.throws(() => ipc.method('x', {}), { code: 'invalid_argument' })
})

test('arguments that the function cannot see are refused with the signature', async t => {
  const { remote } = await serveAndConnect(t, { ...target, none: () => 1 })
  await refused(/list\(a, b = 'b', c = 'c'\) takes at most 3 arguments, 4 given$/, remote.list(1, 2, 3, 4))
  await refused(/single\(a\) takes at most 1 argument, 2 given$/, remote.single(1, 2))
  await refused(/none\(\) takes no arguments, 1 given$/, remote.none(1))
  await refused(/declared\(x, y\?\) takes at most 2 arguments, 3 given$/, remote.declared(1, 2, 3))
  assert.deepEqual(await remote.rest(1, 2, 3), [1, [2, 3]])
  assert.deepEqual(await remote.bound(1, 2), [1, 2])
  assert.deepEqual(await remote.anything(1, 2), [1, 2])
})

test('one plain object too many is refused with a hint at kwargs', async t => {
  const { remote } = await serveAndConnect(t, target)
  await refused(/takes at most 1 argument, 2 given; .*kwargs\(\{/, remote.single(1, { title: 'x' }))
  await refused(/takes at most 1 argument, 2 given$/, remote.single(1, [2]))
})

test('missing arguments are undefined, as in a local call', async t => {
  const { remote } = await serveAndConnect(t, {
    ...target,
    types: (a, b) => [typeof a, typeof b],
  })
  assert.deepEqual(await remote.types('a'), ['string', 'undefined'])
  assert.deepEqual(await remote.types(), ['undefined', 'undefined'])
  assert.deepEqual(await remote.types(kwargs({ b: 1 })), ['undefined', 'number'])
  assert.deepEqual(await remote.list(), [null, 'b', 'c'])
  assert.deepEqual(await remote.old(kwargs({})), [null, null])
  assert.deepEqual(await remote.plot(), [null, null, 10])
  await assert.rejects(remote.open('bar'), { type: 'TypeError' })
  assert.deepEqual(await remote.rest(), [null, []])
})

test('functions of Node.js and native ones decide themselves how many arguments they take', async t => {
  const { remote } = await serveAndConnect(t, { basename: path.basename, max: Math.max, parse: JSON.parse })
  assert.equal(await remote.basename('/a/b.js'), 'b.js')
  assert.equal(await remote.basename('/a/b.js', '.js'), 'b')
  await refused(/basename\(path, suffix\) takes at most 2 arguments, 3 given/, remote.basename(1, 2, 3))
  assert.equal(await remote.max(1), 1)
  assert.equal(await remote.max(1, 3, 2), 3)
  assert.deepEqual(await remote.parse('[1]'), [1])
})

test('keyword arguments elsewhere than at the end are refused', async t => {
  const { remote } = await serveAndConnect(t, target)
  await refused(/last argument/, remote.list(kwargs({ a: 1 }), 2))
  assert.throws(() => kwargs('x'), { code: 'invalid_argument' })
})
