import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { run } from './support/children.mjs'
import { lose, serveAndConnect, serveElsewhereAndConnect } from './support/endpoints.mjs'
import { freshName } from './support/names.mjs'

const target = {
  fail() {
    throw new Error('it broke', { cause: new Error('because') })
  },
  hang: () => new Promise(() => {}),
  add: (a, b) => a + b,
}

const failures = {
  'a remote error': ({ remote }) => remote.fail(),
  'a deadline': ({ remote }) => ipc.withOptions(remote, { timeout: 5 }).hang(),
  'an abortion': ({ remote }) => ipc.withOptions(remote, { signal: AbortSignal.timeout(5) }).hang(),
  'arguments that the service refuses': ({ remote }) => remote.add(1, 2, 3),
  'arguments that cannot be sent': ({ remote }) => remote.add(Symbol('x')),
  'a call that cannot be sent': ({ nobody }) => ipc.withOptions(nobody, { waitForReady: false }).echo(1),
  'the loss of the service': async ({ nobody, child }) => {
    const call = nobody.hang()
    child.kill('SIGKILL')
    await call
  },
  'a service that is not found': () => ipc.connect(freshName(), { connectTimeout: 0 }),
  'a name that is taken': ({ address }) => ipc.serve(address, target, { takeover: 'fail' }),
}

/** What is on the caller's side: the lines above the remote stack. */
function localFrames(error) {
  const [local] = error.stack.split('\nRemote stack:\n')
  return local.split('\n').slice(1)
}

async function reasonOf(failing) {
  async function awaiting() {
    await failing()
  }
  async function twoUp() {
    await awaiting()
  }
  try {
    await twoUp()
  } catch (error) {
    return error
  }
  return assert.fail('it did not fail')
}

for (const [what, fail] of Object.entries(failures)) {
  test(`the stack of ${what} shows the functions that await the call`, async t => {
    const { remote } = await serveAndConnect(t, target, { serve: { onError() {} } })
    const { remote: nobody, child, address } = await serveElsewhereAndConnect(t)
    if (what === 'a call that cannot be sent') await lose(child, nobody)
    const error = await reasonOf(() => fail({ remote, nobody, child, address }))
    assert.ok(error instanceof ipc.IpcError)
    const local = localFrames(error).join('\n')
    assert.match(local, /at (async )?awaiting .*stacks\.test\.mjs/)
    assert.match(local, /at (async )?twoUp .*stacks\.test\.mjs/)
  })
}

test('a stack begins with the error, shows nothing of ipcbridge and ends with the remote stack', async t => {
  const { remote } = await serveAndConnect(t, target, { serve: { onError() {} } })
  const error = await reasonOf(() => remote.fail())
  assert.match(error.stack, /^RemoteError: Error: it broke\n/)
  const local = localFrames(error)
  assert.match(local[0], /^ {4}at async .*stacks\.test\.mjs/)
  for (const frame of local) assert.doesNotMatch(frame, /js.dist/)
  assert.equal(error.stack.split('\nRemote stack:\n').length, 2)
  assert.ok(error.stack.endsWith(`\nRemote stack:\n${error.remoteStack}`))
  assert.match(error.remoteStack, /^Error: it broke\n.*fail/)
})

test('a stack passes through Promise.all', async t => {
  const { remote } = await serveAndConnect(t, target, { serve: { onError() {} } })
  const error = await reasonOf(() => Promise.all([remote.add(1, 2), remote.fail()]))
  assert.match(error.stack, /at async Promise\.all \(index 1\)\n.*at async awaiting/)
})

test('a rejection that is handled is reported neither as unhandled nor as handled late', async t => {
  const { code, stdout, stderr } = await run(
    t,
    `
    for (const event of ['unhandledRejection', 'rejectionHandled']) process.on(event, () => console.log(event))
    const server = await ipc.serve(argv.name, {
      fail() { throw new Error('it broke') },
      hang: () => new Promise(() => {}),
    }, { onError() {} })
    const remote = await ipc.connect(argv.name)
    const brief = ipc.withOptions(remote, { timeout: 5 })
    remote.fail().catch(() => {})
    await Promise.allSettled([remote.fail(), brief.hang()])
    const iterate = async () => { for await (const item of brief.hang()) item }
    await iterate().catch(() => {})
    await server.close({ grace: 0 })
    `,
    { argv: { name: freshName() } },
  )
  assert.deepEqual({ code, stdout }, { code: 0, stdout: '' }, stderr)
})
