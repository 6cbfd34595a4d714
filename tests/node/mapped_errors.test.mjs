import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'

const missing = () => Object.assign(new Error('no such file', { cause: new Error('why') }), { code: 'ENOENT' })
const target = {
  plain() {
    throw missing()
  },
  async later() {
    throw missing()
  },
  *rows() {
    yield 1
    throw missing()
  },
  echo: x => x,
}

const ways = {
  'a plain handler': remote => remote.plain(),
  'an async one': remote => remote.later(),
  'a generator': async remote => (await remote.rows()).toArray(),
}

for (const [what, fail] of Object.entries(ways)) {
  test(`mapError makes another error of what ${what} throws`, async t => {
    const told = []
    const mapError = (error, info) => {
      told.push(info.method)
      return error.code === 'ENOENT' ? new ipc.IpcError('not_found', error.message) : undefined
    }
    const { remote } = await serveAndConnect(t, target, { serve: { mapError, onError: assert.fail } })
    await assert.rejects(fail(remote), { code: 'not_found', message: 'no such file' })
    assert.equal(told.length, 1)
    await assert.rejects(remote.echo(1, 2), { code: 'invalid_argument' })
    assert.equal(told.length, 1, 'what the library refuses is not for it')
  })

  test(`a mapError that fails, or gives nothing, keeps what ${what} throws`, async t => {
    const said = []
    t.mock.method(console, 'error', text => said.push(text))
    for (const mapError of [() => undefined, () => assert.fail('mapError itself')]) {
      const { remote } = await serveAndConnect(t, target, { serve: { mapError, onError() {} } })
      await assert.rejects(fail(remote), { code: 'unknown', message: 'no such file' })
    }
    assert.match(said.join('\n'), /\(in mapError\) failed/)
  })

  test(`exposeErrors: false keeps at home what an error of ${what} carries`, async t => {
    const { remote } = await serveAndConnect(t, target, { serve: { exposeErrors: false, onError() {} } })
    await assert.rejects(fail(remote), error => {
      const { type, code, message, remoteStack, attributes, cause } = error
      assert.deepEqual(
        { type, code, message, remoteStack, attributes, cause },
        {
          type: 'Error',
          code: 'unknown',
          message: 'no such file',
          remoteStack: undefined,
          attributes: {},
          cause: undefined,
        },
      )
      return true
    })
  })
}
