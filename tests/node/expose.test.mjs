// The option `expose` of serve: what it does not name does not exist for callers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import * as testing from 'ipcbridge/testing'
import { serveAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

const target = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  addAll: (...all) => all.length,
  math: { mul: (a, b) => a * b, div: (a, b) => a / b, trig: { sin: Math.sin, cos: Math.cos } },
  mathematics: { prove: () => true },
}

const exposing = (t, ...names) => serveAndConnect(t, target, { serve: { expose: names } })

async function offered(remote) {
  return Object.keys((await ipc.describe(remote)).methods)
}

for (const [what, expose, names] of [
  ['a method', ['add'], ['add']],
  ['methods in the order of the target', ['sub', 'add', 'sub'], ['add', 'sub']],
  ['a method of a namespace', ['math.trig.sin'], ['math.trig.sin']],
  ['a namespace with all that is in it', ['math'], ['math.mul', 'math.div', 'math.trig.sin', 'math.trig.cos']],
  ['a namespace of a namespace', ['add', 'math.trig'], ['add', 'math.trig.sin', 'math.trig.cos']],
  ['a namespace beside a method of it', ['math.trig.sin', 'math.trig'], ['math.trig.sin', 'math.trig.cos']],
]) {
  test(`expose serves ${what}, and nothing else`, async t => {
    const { remote } = await exposing(t, ...expose)
    assert.deepEqual(await offered(remote), names)
  })
}

test('what is not exposed cannot be seen nor called', async t => {
  const { remote } = await exposing(t, 'add', 'math.mul')
  assert.deepEqual([Object.keys(remote), Object.keys(remote.math)], [['add', 'math'], ['mul']])
  assert.deepEqual([remote.sub, remote.math.div, remote.mathematics], [undefined, undefined, undefined])
  assert.deepEqual([await remote.add(2, 3), await remote.math.mul(2, 3)], [5, 6])
  for (const name of ['sub', 'math', 'math.div', 'math.trig.sin', 'mathematics.prove', 'addAll']) {
    await assert.rejects(ipc.call(remote, name, [1, 2]), { code: 'unimplemented' }, name)
  }
})

test('methods of an instance keep their object and their options', async t => {
  class Counter {
    #count = 0
    next = ipc.method(() => ++this.#count, { serial: true })
    reset() {
      this.#count = 0
    }
  }
  const { remote } = await serveAndConnect(t, new Counter(), { serve: { expose: ['next'] } })
  assert.deepEqual([await remote.next(), await remote.next()], [1, 2])
  assert.equal(remote.reset, undefined)
})

test('a fake takes it as serve does', async t => {
  const remote = await testing.fake(target, { serve: { expose: ['math'] } })
  t.after(() => ipc.close(remote))
  assert.deepEqual(Object.keys(remote), ['math'])
  assert.equal(await remote.math.mul(2, 3), 6)
})

for (const [what, expose, message] of [
  ['a misspelt method', ['add', 'sbu'], "expose: there is no method or namespace 'sbu' to serve (did you mean 'sub'?)"],
  ['a misspelt namespace', ['Math'], "expose: there is no method or namespace 'Math' to serve (did you mean 'math'?)"],
  ['a name of nothing', ['quite different'], "expose: there is no method or namespace 'quite different' to serve"],
  ['a method of a method', ['add.x'], /no method or namespace 'add\.x'/],
  ['the empty name', [''], /no method or namespace ''/],
  [
    'a private name',
    ['math._div'],
    "expose: there is no method or namespace 'math._div' to serve: names that begin with _ are never served",
  ],
  ['an empty array', [], 'expose is empty, so that nothing could be called: leave it out to serve everything'],
  ['a string', 'add', "expose is an array of the names of methods and namespaces: write ['add']"],
  ['null', null, 'expose is an array of the names of methods and namespaces; got null'],
  ['a function', [target.add], 'expose lists the names of methods and namespaces; got a function'],
]) {
  test(`exposing ${what} is refused, saying what to do`, async () => {
    await assert.rejects(ipc.serve(freshName(), target, { expose }), { code: 'invalid_argument', message })
  })
}
