// A service may offer 65,536 methods: nobody is kept waiting for those that are not asked for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { reaches, serve, serveAndConnect } from './support/endpoints.mjs'

// A client that does something with all names for each name is busy for minutes.
const untilHung = { timeout: 60_000 }

test('of a service with the most methods each can be called', untilHung, async t => {
  const names = Array.from({ length: 65_535 }, (_, index) => `m${index}`) // and __describe__
  const target = Object.fromEntries(names.map(name => [name, () => name]))
  const { remote } = await serveAndConnect(t, target)
  assert.equal(Object.keys(remote).length, names.length)
  for (const name of ['m0', 'm40000', 'm65534']) assert.equal(await remote[name](), name)
  const looked = names.slice(0, 20_000).map(name => remote[name]())
  assert.deepEqual(await Promise.all(looked), names.slice(0, 20_000))
})

test('a namespace is made when it is first asked for', async t => {
  const target = { math: { deep: { add: (a, b) => a + b } }, text: { upper: text => text.toUpperCase() } }
  const { remote } = await serveAndConnect(t, target)
  const isMade = name => Object.getOwnPropertyDescriptor(remote, name).get === undefined
  assert.deepEqual([isMade('math'), isMade('text')], [false, false])
  assert.equal(await remote.math.deep.add(1, 2), 3)
  assert.deepEqual([isMade('math'), isMade('text')], [true, false])
  assert.equal(remote.math, remote.math)
  assert.deepEqual(Object.keys(remote), ['math', 'text'])
})

test('a proxy is printed as deep as any object', async t => {
  const { remote } = await serveAndConnect(t, { a: { b: { c: { d: { add: () => 1 } } } } })
  assert.match(inspect(remote), /a: .*b: .*c: \[Remote \S+ a\.b\.c\] }/s)
  assert.match(inspect(remote.a, { depth: null }), /b: .*c: .*d: .*add: \[Function: a\.b\.c\.d\.add\]/s)
})

test('a namespace that was never asked for follows when a restarted service offers others', async t => {
  const { server, remote, address } = await serveAndConnect(t, { math: { add: () => 1 }, gone: { far: () => 1 } })
  await server.close({ grace: 0 })
  await reaches(remote, 'reconnecting')
  await serve(t, address, { math: { sub: () => 2 }, gone: () => 3 })
  await reaches(remote, 'ready')
  assert.deepEqual(Object.keys(remote.math), ['sub'])
  assert.equal(await remote.math.sub(), 2)
  assert.equal(await remote.gone(), 3)
})
