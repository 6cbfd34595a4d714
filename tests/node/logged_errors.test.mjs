// What a service logs of the errors that nobody else is told of.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { format, inspect } from 'node:util'
import ipc from 'ipcbridge'
import { connect, serveAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

class CustomError extends Error {
  name = 'CustomError'
}

const target = {
  fail() {
    throw new CustomError('it broke', { cause: new TypeError('because') })
  },
  notFound() {
    throw new ipc.IpcError('not_found', 'no such user', { id: 5 })
  },
  symbol: () => ({ ok: 1, items: [1, Symbol('no')] }),
}

test('without onError unexpected exceptions go to console.error', async t => {
  const said = []
  t.mock.method(console, 'error', (...args) => said.push(args))
  const { remote, address } = await serveAndConnect(t, target)
  await remote.fail().catch(() => {})
  assert.equal(said.length, 1)
  assert.equal(said[0][0], `ipcbridge: ${address}: fail failed:`)
  await remote.symbol().catch(() => {})
  assert.match(
    said[1][1],
    /^IpcError: symbol\(\) returned what cannot be sent: result\.items\[1\] cannot be sent: .* \{\n {2}code: 'internal'/,
  )
  for (const [, shown] of said) assert.doesNotMatch(shown, /js\/dist/)
})

test('the log shows the errors of a group, and nothing of groups that are empty', async t => {
  const said = []
  t.mock.method(console, 'error', (...args) => said.push(args))
  const { remote } = await serveAndConnect(t, {
    ...target,
    async group() {
      const members = await Promise.allSettled([remote.fail(), remote.notFound()])
      throw new AggregateError(members.map(({ reason }) => reason))
    },
    empty() {
      throw new AggregateError([], 'of nothing')
    },
  })
  await remote.group().catch(() => {})
  const group = said.at(-1)[1]
  assert.match(
    group,
    /^AggregateError\n.* \{\n {2}\[errors\]: \[\n {4}RemoteError: CustomError: it broke\n.* no such user/s,
  )
  assert.match(group, /type: 'IpcError'\n {4}\}\n {2}\]\n\}$/)
  await remote.empty().catch(() => {})
  const empty = said.at(-1)[1]
  assert.match(empty, /^AggregateError: of nothing\n {4}at .*\)$/s)
  for (const shown of [group, empty]) assert.doesNotMatch(shown, /\[errors\]: \[\]/)
})

test('of a long error the log leaves out the middle', async t => {
  const said = []
  t.mock.method(console, 'error', (...args) => said.push(args))
  const long = `it begins${'x'.repeat(10_000_000)}it ends`
  const { remote } = await serveAndConnect(t, {
    raise() {
      throw new Error(long)
    },
    raiseText() {
      throw long
    },
    refuse() {
      throw new ipc.IpcError('not_found', long)
    },
  })
  await assert.rejects(remote.raise(), { code: 'unknown' })
  await assert.rejects(remote.raiseText(), { code: 'unknown' })
  ipc.notify(remote).refuse()
  while (said.length < 3) await new Promise(setImmediate)
  for (const [, shown] of said) {
    const text = format(shown)
    assert.ok(text.length < 100_000)
    assert.match(text, /it begins.*\[\.\.\.\].*it ends/s)
  }
})

test('the log prints an error once, and not at all where nobody reads', async t => {
  const said = []
  t.mock.method(console, 'error', (...args) => said.push(format(...args)))
  let printed = 0
  class Odd extends Error {
    [inspect.custom]() {
      printed++
      return 'an odd error'
    }
  }
  const { remote } = await serveAndConnect(t, {
    fail() {
      throw new Odd('x')
    },
  })
  await assert.rejects(remote.fail(), { code: 'unknown' })
  while (said.length < 1) await new Promise(setImmediate)
  assert.match(said[0], /fail failed: an odd error$/)
  assert.equal(printed, 1)
  Object.defineProperty(process.stderr, 'writableLength', { value: 2 * 1024 * 1024, configurable: true })
  t.after(() => delete process.stderr.writableLength)
  for (let i = 0; i < 3; i++) await assert.rejects(remote.fail(), { code: 'unknown' })
  await new Promise(setImmediate)
  assert.equal(printed, 1)
  delete process.stderr.writableLength
  await assert.rejects(remote.fail(), { code: 'unknown' })
  while (said.length < 3) await new Promise(setImmediate)
  assert.match(said[1], /: 3 lines were left out here/)
})

test('a service whose stderr nobody reads goes on, and keeps a bounded part of what it would have said', async t => {
  const address = freshName()
  const service = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import ipc from 'ipcbridge'
       await ipc.serve('${address}', {
         fail() { throw new Error('x'.repeat(10_000)) },
         unread: () => process.stderr.writableLength,
       })`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], cwd: new URL('.', import.meta.url) },
  )
  t.after(() => service.kill('SIGKILL'))
  const remote = await connect(t, address)
  for (let i = 0; i < 300; i++) await assert.rejects(remote.fail(), { code: 'unknown' })
  assert.ok((await remote.unread()) < 2 * 1024 * 1024)
  let said = ''
  service.stderr.setEncoding('utf8').on('data', text => {
    said += text
  })
  while (!/\d+ lines were left out here/.test(said)) {
    await remote.fail().catch(() => {})
  }
})
