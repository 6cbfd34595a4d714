// Own error classes, registered on both sides, arrive as themselves.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect, types } from 'node:util'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'

let made = 0

class NotFound extends Error {
  constructor(user, options) {
    super(`no user ${user}`, options)
    made++
    this.user = user
  }

  get hint() {
    return `look for ${this.user}`
  }
}

class Refused extends ipc.IpcError {
  constructor(reason) {
    super('permission_denied', `refused: ${reason}`, { reason })
  }
}

class Several extends AggregateError {}

class Coded extends Error {
  code = 'E_CODED'
}

for (const each of [NotFound, Refused, Several]) ipc.registerError(each)
ipc.registerError(Coded, 'registered_errors.Coded')

const target = {
  find(user) {
    throw new NotFound(user, { cause: new TypeError('why') })
  },
  refuse() {
    throw new Refused('closed')
  },
  several() {
    throw new Several([new NotFound('ada'), new RangeError('far')], 'two')
  },
  coded() {
    throw new Coded('x')
  },
  named() {
    throw Object.assign(new NotFound('ada'), { name: 'NotFound', toString: 'text', constructor: 1 })
  },
  unregistered() {
    throw new (class Lost extends NotFound {})('ada')
  },
  *rows() {
    yield 1
    throw new NotFound('ada')
  },
  findAll: users => users.map(user => ({ user })),
}

async function failureOf(act) {
  try {
    await act()
  } catch (error) {
    return error
  }
  return assert.fail('it did not fail')
}

const connected = async t => (await serveAndConnect(t, target, { serve: { onError() {} } })).remote

describe('an error of a registered class', () => {
  test('is meant for the caller, and told to nobody on the side that serves', async t => {
    const told = []
    const onError = error => told.push(error.message)
    const { remote } = await serveAndConnect(t, target, { serve: { onError } })
    await failureOf(() => remote.find('ada'))
    await failureOf(async () => (await remote.rows()).toArray())
    await failureOf(() => remote.unregistered())
    const outer = await serveAndConnect(t, { find: user => remote.find(user) }, { serve: { onError } })
    await failureOf(() => outer.remote.find('eve'))
    assert.deepEqual(told, ['no user ada'], 'what no class was registered for')
  })

  test('arrives as one, with its attributes, and its constructor is not called', async t => {
    const remote = await connected(t)
    const before = made
    const error = await failureOf(() => remote.find('ada'))
    assert.ok(error instanceof NotFound)
    assert.equal(made, before + 1, 'in the handler')
    assert.ok(types.isNativeError(error))
    assert.ok(!(error instanceof ipc.IpcError))
    const { message, user, hint, code } = error
    assert.deepEqual(
      { message, user, hint, code },
      { message: 'no user ada', user: 'ada', hint: 'look for ada', code: 'unknown' },
    )
    assert.deepEqual(Object.keys(error), ['user'])
    assert.equal(error.cause.type, 'TypeError')
  })

  test('says what it is, where it was awaited, and where it was thrown', async t => {
    const remote = await connected(t)
    const error = await failureOf(() => remote.find('ada'))
    assert.equal(String(error), 'NotFound: no user ada')
    const [local, there] = error.stack.split('\nRemote stack:\n')
    assert.match(local, /^NotFound: no user ada\n {4}at async failureOf .*registered_errors\.test\.mjs/)
    assert.match(there, /^Error: no user ada\n {4}\[node\] at .*find .*registered_errors\.test\.mjs/)
    assert.equal(error.remoteStack, there)
    assert.doesNotMatch(error.stack, /js.dist/)
    assert.ok(inspect(error).includes(error.stack.split('\n').at(-1)))
  })

  test('arrives so from ipc.sync, from streams and in a group', async t => {
    const remote = await connected(t)
    const rows = await remote.rows()
    assert.ok((await failureOf(() => rows.toArray())) instanceof NotFound)
    const several = await failureOf(() => remote.several())
    assert.ok(several instanceof Several)
    assert.deepEqual(
      several.errors.map(each => [each.constructor, each.message]),
      [
        [NotFound, 'no user ada'],
        [ipc.RemoteError, 'far'],
      ],
    )
  })

  test('that is an IpcError has its code and details', async t => {
    const remote = await connected(t)
    const error = await failureOf(() => remote.refuse())
    assert.ok(error instanceof Refused)
    assert.ok(!(error instanceof ipc.RemoteError))
    const { name, code, message, details } = JSON.parse(JSON.stringify(error))
    assert.deepEqual(
      { name, code, message, details },
      { name: 'Refused', code: 'permission_denied', message: 'refused: closed', details: { reason: 'closed' } },
    )
  })

  test('keeps a code of its own', async t => {
    const remote = await connected(t)
    const error = await failureOf(() => remote.coded())
    assert.ok(error instanceof Coded)
    assert.equal(error.code, 'E_CODED')
  })

  test('keeps what every error has, whatever the other side calls its attributes', async t => {
    const remote = await connected(t)
    const error = await failureOf(() => remote.named())
    assert.ok(error instanceof NotFound)
    assert.equal(String(error), 'NotFound: no user ada')
    assert.match(error.remoteStack, /\(toString was left out: every JavaScript error has its own\)/)
  })

  test('goes on through a service that passes it on, with one stack', async t => {
    const inner = await connected(t)
    const relay = async () => await inner.find('ada')
    const { remote } = await serveAndConnect(t, { relay }, { serve: { onError() {} } })
    const error = await failureOf(() => remote.relay())
    assert.ok(error instanceof NotFound)
    assert.equal(error.user, 'ada')
    assert.match(error.remoteStack, /\[node\] at async .*relay .*\[node\] at .*find/s)
    assert.doesNotMatch(error.remoteStack, /^ +at /m)
  })

  test('is only that class itself, and no class that extends it', async t => {
    const remote = await connected(t)
    const error = await failureOf(() => remote.unregistered())
    assert.ok(error instanceof ipc.RemoteError)
    assert.equal(error.type, 'Lost')
  })
})

test('what is no class of errors, or has no name of its own, is refused', () => {
  for (const wrong of [undefined, 'NotFound', () => 1, class {}, {}, new NotFound('x'), ipc.RemoteError]) {
    assert.throws(() => ipc.registerError(wrong), { code: 'invalid_argument', message: /^registerError\(\) takes/ })
  }
  for (const name of ['', 5]) {
    assert.throws(() => ipc.registerError(class X extends Error {}, name), {
      code: 'invalid_argument',
      message: /the name of an error class is a string/,
    })
  }
  assert.throws(() => ipc.registerError(class extends Error {}), { code: 'invalid_argument' })
})

test('a name that another class has is refused, and registering again is not', () => {
  assert.equal(ipc.registerError(NotFound), NotFound)
  class Other extends Error {}
  assert.throws(() => ipc.registerError(Other, 'NotFound'), {
    code: 'already_exists',
    message: "'NotFound' is the name of another class: give registerError() another one",
  })
  assert.equal(ipc.registerError(Other, 'registered_errors.Other'), Other)
})

test('a class that does without its constructor badly arrives as a RemoteError', async t => {
  class Private extends Error {
    #number = 3
    get name() {
      return `Private${this.#number}`
    }
  }
  class Fixed extends ipc.IpcError {
    get details() {
      return 'its own'
    }
  }
  ipc.registerError(Private, 'registered_errors.Private')
  ipc.registerError(Fixed, 'registered_errors.Fixed')
  const { remote } = await serveAndConnect(t, {
    isPrivate() {
      throw new Private('m')
    },
    isFixed() {
      throw new Fixed('not_found', 'm')
    },
  })
  await assert.rejects(remote.isPrivate(), error => error instanceof ipc.RemoteError && error.message === 'm')
  await assert.rejects(remote.isFixed(), error => error instanceof ipc.RemoteError && error.code === 'not_found')
})
