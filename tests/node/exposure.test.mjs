// Which functions of an object are served, under which names.

import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import * as url from 'node:url'
import util from 'node:util'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

test('an instance offers its own functions and its prototypes methods', async t => {
  class Base {
    inherited() {
      return `inherited by ${this.name}`
    }
    overridden() {
      return 'base'
    }
  }
  class Calc extends Base {
    name = 'calc'
    #secret = 42
    own = () => this.#secret
    overridden() {
      return `derived and ${super.overridden()}`
    }
    _hidden() {}
    static helper() {}
  }
  const { remote } = await serveAndConnect(t, new Calc())
  assert.deepEqual(Object.keys(remote).sort(), ['inherited', 'overridden', 'own'])
  assert.equal(await remote.inherited(), 'inherited by calc')
  assert.equal(await remote.overridden(), 'derived and base')
  assert.equal(await remote.own(), 42)
})

test('nested plain objects and Maps are namespaces', async t => {
  const { remote } = await serveAndConnect(t, {
    math: { add: (a, b) => a + b, deep: { neg: a => -a } },
    map: new Map([['mul', (a, b) => a * b]]),
  })
  assert.equal(await remote.math.add(1, 2), 3)
  assert.equal(await remote.math.deep.neg(5), -5)
  assert.equal(await remote.map.mul(2, 3), 6)
  assert.equal(await ipc.withOptions(remote, { timeout: 1000 }).math.deep.neg(1), -1)
  assert.equal(await ipc.withOptions(remote.math, { timeout: 1000 }).deep.neg(2), -2)
})

test('methods of a plain object see it as this', async t => {
  const { remote } = await serveAndConnect(t, {
    factor: 3,
    times(x) {
      return x * this.factor
    },
  })
  assert.equal(await remote.times(2), 6)
})

test('a Map of functions and a module are services', async t => {
  const { remote } = await serveAndConnect(t, new Map([['hello', who => `hello ${who}`]]))
  assert.equal(await remote.hello('you'), 'hello you')
  const path = await import('node:path')
  const { remote: module } = await serveAndConnect(t, path)
  assert.equal(await module.join('/a', 'b'), '/a/b')
  assert.equal(await module.posix.isAbsolute('/a'), true)
})

test('the classes of a module are not offered, nor in the way', async t => {
  const { remote } = await serveAndConnect(t, { events: await import('node:events') })
  assert.equal(typeof remote.events.listenerCount, 'function')
  assert.equal(remote.events.EventEmitterAsyncResource, undefined)
})

test('the modules of Node.js are served as they are, without their classes', async t => {
  const require = createRequire(import.meta.url)
  for (const name of ['fs', 'crypto', 'url', 'dns', 'path', 'os', 'util', 'zlib']) {
    const { remote } = await serveAndConnect(t, require(name))
    assert.ok(Object.keys(remote).length > 5, name)
    assert.ok(Object.keys((await ipc.describe(remote)).methods).length > 5, name)
  }
  const { remote } = await serveAndConnect(t, { fs, url, util })
  assert.equal(await remote.fs.existsSync('/'), true)
  assert.equal(remote.url.URL, undefined)
  assert.equal(await remote.url.fileURLToPath('file:///a'), '/a')
  assert.equal(await remote.util.format('%s', 1, 2, 3), '1 2 3')
})

test('classes that were written as functions are not offered, functions with a capital letter are', async t => {
  function Animal() {}
  Animal.prototype.speak = () => 'hello'
  function Dog() {}
  Dog.prototype = Object.create(Animal.prototype)
  const { remote } = await serveAndConnect(t, { zoo: { Animal, Dog, Feed: function Feed() {} }, crypto, fs, url })
  assert.deepEqual(Object.keys(remote.zoo), ['Feed'])
  for (const name of ['Hash', 'Sign', 'ECDH']) assert.equal(remote.crypto[name], undefined)
  assert.equal(remote.fs.Stats, undefined)
  assert.equal(remote.url.Url, undefined)
  assert.equal((await remote.crypto.randomBytes(4)).length, 4)
})

test('an object that cannot be read is refused', async () => {
  const revoked = make => {
    const { proxy, revoke } = Proxy.revocable(make, {})
    revoke()
    return proxy
  }
  for (const target of [revoked({}), revoked(class {}), { math: revoked({}) }]) {
    await assert.rejects(ipc.serve(freshName(), target), { code: 'invalid_argument' })
  }
  await assert.rejects(ipc.serve(freshName(), { add() {} }, revoked({})), { code: 'invalid_argument' })
  await assert.rejects(ipc.connect(revoked([])), { code: 'invalid_argument' })
})

test('getters are neither offered nor evaluated', async t => {
  let evaluated = 0
  const target = {
    get trap() {
      evaluated++
      return () => 'never'
    },
    fine: () => 'fine',
  }
  const { remote } = await serveAndConnect(t, target)
  assert.deepEqual(Object.keys(remote), ['fine'])
  assert.equal(remote.trap, undefined)
  assert.equal(evaluated, 0)
})

test('a getter hides the method that it overrides', async t => {
  class Base {
    value() {
      return 'base'
    }
    other() {}
  }
  class Derived extends Base {
    get value() {
      throw new Error('evaluated')
    }
  }
  const { remote } = await serveAndConnect(t, new Derived())
  assert.deepEqual(Object.keys(remote), ['other'])
})

test('underscores, symbols and Object.prototype are not offered', async t => {
  const { remote } = await serveAndConnect(t, {
    _private() {},
    __proto: () => {},
    [Symbol.iterator]() {},
    fine() {},
    _ns: { fn() {} },
  })
  assert.deepEqual(Object.keys(remote), ['fine'])
  for (const name of ['toString', 'constructor', 'hasOwnProperty', '__proto__', '_private']) {
    await assert.rejects(ipc.call(remote, name), { code: 'unimplemented' }, name)
  }
})

test('what an instance inherits from EventEmitter or EventTarget is not offered', async t => {
  for (const Base of [EventEmitter, EventTarget]) {
    class Store extends Base {
      put() {}
      on(name) {
        return `its own ${name}`
      }
    }
    const { remote } = await serveAndConnect(t, new Store())
    assert.deepEqual(Object.keys(remote), ['put', 'on'])
    assert.equal(await remote.on('on'), 'its own on')
    await assert.rejects(ipc.call(remote, 'emit', ['x']), { code: 'unimplemented' })
  }
})

test('plain objects within an instance are namespaces, and other objects its state', async t => {
  class Part {
    factor = 2
    times(x) {
      return x * this.factor
    }
  }
  class Calc {
    math = { add: (a, b) => a + b }
    part = new Part()
    run() {}
  }
  const { remote } = await serveAndConnect(t, new Calc())
  assert.deepEqual(Object.keys(remote).sort(), ['math', 'run'])
  assert.equal(await remote.math.add(1, 2), 3)
})

test('an instance of a class within an object is a namespace', async t => {
  class Part {
    hello = () => 'hello'
    own() {}
  }
  const { remote } = await serveAndConnect(t, { part: new Part(), map: new Map([['part', new Part()]]) })
  assert.equal(await remote.part.hello(), 'hello')
  assert.equal(await remote.map.part.hello(), 'hello')
})

test('an array within an object is no namespace', async t => {
  const { remote } = await serveAndConnect(t, { weights: ipc.NDArray.from([1, 2]), run() {} })
  assert.deepEqual(Object.keys(remote), ['run'])
})

test('values, private names, getters and what is built in are no namespaces of an instance', async t => {
  let evaluated = 0
  class Service {
    when = new Date()
    names = ['a', 'b']
    known = new Set()
    bytes = Buffer.alloc(4)
    link = new URL('http://localhost')
    stop = new AbortController()
    ready = Promise.resolve()
    limits = { size: 5 }
    Type = class {}
    #hidden = { f() {} }
    _private = { f() {} }
    get trap() {
      evaluated++
      return { f() {} }
    }
    run() {
      return this.#hidden
    }
  }
  const { remote } = await serveAndConnect(t, new Service())
  assert.deepEqual(Object.keys(remote), ['run'])
  assert.equal(evaluated, 0)
})

test('an instance that refers to itself is walked once', async t => {
  class Parent {
    family = { parent: this, f() {} }
    g() {}
  }
  const { remote } = await serveAndConnect(t, new Parent())
  assert.deepEqual(Object.keys(remote).sort(), ['family', 'g'])
  assert.deepEqual(Object.keys(remote.family), ['f'])
})

/** Objects that all refer to each other. */
function web(size) {
  const nodes = Array.from({ length: size }, () => ({ f() {} }))
  for (const node of nodes) for (const [i, other] of nodes.entries()) node[`to${i}`] = other
  return nodes[0]
}

function nested(depth) {
  return depth === 0 ? { f() {} } : { inner: nested(depth - 1) }
}

test('an object that refers to itself is walked once', async t => {
  const target = { fn: () => 1 }
  target.self = target
  const { remote } = await serveAndConnect(t, target)
  assert.deepEqual(Object.keys(remote), ['fn'])
})

for (const [what, target, message] of [
  ['a class', class Calc {}, /new Calc\(\)/],
  ['a function', function add() {}, /\{ add \}/],
  ['null', null, /object of functions/],
  ['a string', 'calc', /object of functions/],
  ['an object without functions', { a: 1 }, /nothing to call/],
  ['a class in an object', { math: { Calc: class Calc {} } }, /math\.Calc is a class.*new Calc\(\)/],
  ['a class in a Map', new Map([['Calc', class Calc {}]]), /new Calc\(\)/],
  ['two functions by one name', { 'a.b': () => 1, a: { b: () => 2 } }, /two methods are named a\.b$/],
  ['a web of objects', web(12), /more than 10000 methods.*takes a _/],
  ['namespaces without end', nested(40), /nested more than 16 deep/],
]) {
  test(`serving ${what} is refused, saying what to do`, async () => {
    await assert.rejects(ipc.serve(freshName(), target), error => {
      assert.equal(error.code, 'invalid_argument')
      assert.match(error.message, message)
      return true
    })
  })
}

test('frozen functions are functions, whatever their prototype', async t => {
  const target = {
    add: Object.freeze(function add(a, b) {
      return a + b
    }),
    count: Object.freeze(function* count() {}),
  }
  const { remote } = await serveAndConnect(t, target)
  assert.deepEqual(Object.keys(remote), ['add', 'count'])
  assert.equal(await remote.add(1, 2), 3)
  await assert.rejects(ipc.serve(freshName(), { Map }), /Map is a class/)
  await assert.rejects(ipc.serve(freshName(), { Calc: Object.freeze(class Calc {}) }), /Calc is a class/)
})

test('an array is refused, whose own methods would be offered', async () => {
  await assert.rejects(ipc.serve(freshName(), [() => 1]), { code: 'invalid_argument', message: /not an array/ })
})

test('an entry of a Map that is no function is refused, and what a plain object holds beside functions is its state', async t => {
  const add = (a, b) => a + b
  for (const [value, shown] of [
    [3, '3'],
    ['x', "'x'"],
    [null, 'null'],
  ]) {
    const message = `math.e is ${shown}, which is no function`
    await assert.rejects(ipc.serve(freshName(), { add, math: new Map([['e', value]]) }), {
      code: 'invalid_argument',
      message,
    })
  }
  await assert.rejects(ipc.serve(freshName(), new Map([[3, add]])), { message: /name of a method is a string, not 3/ })
  const { remote } = await serveAndConnect(t, { add, factor: 3, map: new Map([['_hidden', 3]]) })
  assert.deepEqual(Object.keys(remote), ['add'])
})

test('describe tells the signatures', async t => {
  const { remote, address } = await serveAndConnect(t, {
    add: (a, b = 0, ...rest) => [a, b, rest],
    async plot({ title, size = 3, ...others }) {
      return [title, size, others]
    },
    math: { mul: (a, b) => a * b },
  })
  const { service, methods } = await ipc.describe(remote)
  assert.equal(service, address)
  assert.deepEqual(Object.keys(methods), ['add', 'plot', 'math.mul'])
  assert.deepEqual(methods.add, {
    signature: '(a, b = 0, ...rest)',
    doc: null,
    params: [
      { name: 'a', required: true, kind: 'positional' },
      { name: 'b', required: false, kind: 'positional' },
      { name: 'rest', required: false, kind: 'rest' },
    ],
    async: false,
  })
  assert.equal(methods.plot.async, true)
  assert.deepEqual(
    methods.plot.params.map(({ name, kind }) => [name, kind]),
    [
      ['title', 'keyword'],
      ['size', 'keyword'],
      ['', 'kwrest'],
    ],
  )
})
