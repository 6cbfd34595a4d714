import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import ipc from 'ipcbridge'
import testing, { fake } from 'ipcbridge/testing'
import { run } from './support/children.mjs'

const require = createRequire(import.meta.url)
const execute = promisify(execFile)

async function faked(t, target) {
  const made = await fake(target)
  t.after(() => ipc.close(made))
  return made
}

test('import and require give the same kit, with these names', () => {
  assert.deepEqual(Object.keys(testing).sort(), ['answer', 'calls', 'fake', 'link', 'pair', 'uniqueName'])
  assert.equal(require('ipcbridge/testing'), testing)
  assert.equal(fake, testing.fake)
})

test('a pair is connected within the process and has all that a service has', async () => {
  const { server, client, close } = await testing.pair({
    add: (a, b = 0) => a + b,
    later: async value => value,
    *count(n) {
      for (let i = 0; i < n; i++) yield i
    },
    apply: fn => fn(3),
  })
  assert.equal(await client.add(2, 3), 5)
  assert.deepEqual(await client.later(new Set([1])), new Set([1]))
  assert.deepEqual(await (await client.count(3)).toArray(), [0, 1, 2])
  assert.equal(await client.apply(x => x + 1), 4)
  assert.equal(ipc.status(client).transport, 'inproc')
  await close()
  await close()
  assert.equal(ipc.status(server).state, 'closed')
  assert.equal(ipc.status(client).state, 'closed')
})

test('a pair takes the options of both ends, and is refused as those refuse', async () => {
  const { client, close } = await testing.pair(
    { who: () => ipc.context().peer.name },
    { serve: { serial: true }, connect: { name: 'me' } },
  )
  assert.equal(await client.who(), 'me')
  await close()
  await assert.rejects(testing.pair({}), { code: 'invalid_argument' })
  await assert.rejects(testing.pair({ f() {} }, { serve: { nonsense: 1 } }), { code: 'invalid_argument' })
  await assert.rejects(testing.pair({ f() {} }, { connect: { nonsense: 1 } }), { code: 'invalid_argument' })
})

test('a pair and a fake are disposed of', { skip: Symbol.asyncDispose === undefined }, async () => {
  const pair = await testing.pair({ f: () => 1 })
  await pair[Symbol.asyncDispose]()
  assert.equal(ipc.status(pair.client).state, 'closed')
  const made = await fake({ f: () => 1 })
  await made[Symbol.asyncDispose]()
  assert.equal(ipc.status(made).state, 'closed')
})

test('a fake answers through the codec and records what it was asked', async t => {
  const math = { double: x => 2 * x }
  const users = await faked(t, { find: testing.answer({ id: 1, seen: undefined }), math })
  assert.deepEqual(await users.find('Ada', { at: [1] }), { id: 1 })
  assert.equal(await users.math.double(2), 4)
  await assert.rejects(users.find(Symbol('x')), error => {
    assert.equal(error.code, 'invalid_argument')
    assert.match(error.message, /args\[0\] cannot be sent/)
    return true
  })
  await assert.rejects(users.math.double(1, 2), { code: 'invalid_argument' })
  assert.equal(users.nothing, undefined)
  assert.deepEqual(testing.calls(users), [
    { method: 'find', args: ['Ada', { at: [1] }] },
    { method: 'math.double', args: [2] },
  ])
  assert.equal(testing.calls(users, 'math.double').length, 1)
  assert.equal(testing.calls(ipc.withOptions(users, { timeout: 1000 }), 'find').length, 1)
})

test('answers come one after the other and errors are thrown', async t => {
  const refusal = new ipc.IpcError('not_found', 'no such user', { id: 7 })
  const users = await faked(t, { find: testing.answer(1, 2, refusal), fail: testing.answer(new TypeError('odd')) })
  assert.deepEqual([await users.find(), await users.find()], [1, 2])
  for (let i = 0; i < 2; i++) await assert.rejects(users.find(), { code: 'not_found', details: { id: 7 } })
  await assert.rejects(users.fail(), { type: 'TypeError', message: 'odd' })
})

test('a faked method takes what the method itself takes, keyword arguments and this included', async t => {
  class Calc {
    base = 1
    add(a, b = 0) {
      return this.base + a + b
    }
    async later(x) {
      return x
    }
  }
  const calc = await faked(t, new Calc())
  assert.equal(await calc.add(1, ipc.kwargs({ b: 2 })), 4)
  assert.deepEqual(testing.calls(calc), [{ method: 'add', args: [1, 2] }])
  const { methods } = await ipc.describe(calc)
  assert.equal(methods.add.signature, '(a, b = 0)')
  assert.equal(methods.later.async, true)
})

test('the calls of a client that is no fake are not recorded', async t => {
  const pair = await testing.pair({ f: () => 1 })
  t.after(() => pair.close())
  assert.throws(() => testing.calls(pair.client), { code: 'invalid_argument' })
  assert.throws(() => testing.calls({}), { code: 'invalid_argument' })
})

test('a fake keeps no process alive, and ends when nobody has it', async t => {
  const program = `
    import * as testing from 'ipcbridge/testing'
    const fake = await testing.fake({ add: testing.answer(5) })
    console.log(await fake.add(1))`
  const { code, stdout, stderr } = await run(t, program)
  assert.equal(code, 0, stderr)
  assert.equal(stdout, '5\n')
})

test('a closed fake has closed its service', async () => {
  const made = await fake({ f: () => 1 })
  const { service } = await ipc.describe(made)
  await ipc.close(made)
  await assert.rejects(ipc.connect(service, { connectTimeout: 0 }), { code: 'unavailable' })
})

const makesMany = `
  const { uniqueName, pair } = require('ipcbridge/testing')
  const { parentPort } = require('node:worker_threads')
  async function main() {
    const pairs = await Promise.all(Array.from({ length: 20 }, (_, i) => pair({ which: () => i })))
    const answers = await Promise.all(pairs.map(each => each.client.which()))
    if (!answers.every((answer, i) => answer === i)) throw new Error('somebody else has answered')
    const names = [...pairs.map(each => each.server.address), ...Array.from({ length: 500 }, () => uniqueName())]
    await Promise.all(pairs.map(each => each.close()))
    if (parentPort) parentPort.postMessage(names)
    else console.log(JSON.stringify(names))
  }
  main()`

test('what the kit makes in threads and processes beside each other has names of its own', async () => {
  const inWorker = () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(makesMany, { eval: true })
      worker.on('message', resolve).on('error', reject)
    })
  const inProcess = async () => {
    const { stdout } = await execute(process.execPath, ['-e', makesMany], { cwd: new URL('.', import.meta.url) })
    return JSON.parse(stdout)
  }
  const made = await Promise.all([inWorker(), inWorker(), inWorker(), inProcess(), inProcess()])
  const names = made.flat()
  assert.equal(names.length, 5 * 520)
  assert.equal(new Set(names).size, names.length)
})
