// Large arrays whose memory, or whose message, is changed by the user's code while the message is encoded.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ipc from 'ipcbridge'
import { serveAndConnect } from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'

const length = 20_000
const array = (value = 1) => new Float64Array(length).fill(value)
const transfer = view => structuredClone(view.buffer, { transfer: [view.buffer] })

/** An object whose property `x` runs `act` when it is read. */
const running = act => ({
  get x() {
    act()
    return 1
  },
})

const refused = { code: 'invalid_argument', message: /cannot be sent: bytes whose ArrayBuffer was transferred/ }

for (const transport of ['shm', 'unix', 'inproc']) {
  const open = async (t, target = {}) => {
    const echo = (...values) => values
    const { remote } = await serveAndConnect(t, { echo, ...target }, { address: freshAddress(transport) })
    return remote
  }
  /** It is refused where it is called, and later messages have nothing of it. */
  const refuses = async (remote, args, error = refused) => {
    await assert.rejects(remote.echo(...args), error)
    assert.deepEqual(await remote.echo(array(3), 'text', array(4)), [array(3), 'text', array(4)])
  }

  for (const [what, argsOf] of Object.entries({
    'before it': act => view => [running(() => act(view)), view],
    'behind it': act => view => [view, running(() => act(view))],
    'in the midst of others': act => view => [array(), { view }, [running(() => act(view))], array()],
  })) {
    test(`${transport}: an array that is transferred by what stands ${what} is refused`, async t => {
      const remote = await open(t)
      for (const view of [
        array(),
        new Uint8Array(length),
        Buffer.from(new ArrayBuffer(length)),
        new DataView(new ArrayBuffer(length)),
      ]) {
        await refuses(remote, argsOf(transfer)(view))
      }
      const frame = new ipc.NDArray(array(), [100, 200])
      await refuses(remote, argsOf(({ data }) => transfer(data))(frame))
    })

    test(`${transport}: memory of alloc() that is released by what stands ${what} is refused`, async t => {
      const remote = await open(t)
      await refuses(remote, argsOf(ipc.release)(ipc.alloc([length], 'float64')))
      await refuses(remote, argsOf(ipc.release)(ipc.alloc(100_000)))
    })

    test(`${transport}: memory of WebAssembly that grows by what stands ${what} is refused`, async t => {
      const remote = await open(t)
      const memory = new WebAssembly.Memory({ initial: 2 })
      await refuses(remote, argsOf(() => memory.grow(1))(new Uint8Array(memory.buffer, 100, 100_000)))
    })

    const skip = ArrayBuffer.prototype.resize === undefined
    test(`${transport}: a buffer that is resized by what stands ${what} is refused, or sent as it is in the end`, {
      skip,
    }, async t => {
      const remote = await open(t)
      const sized = () => new Uint8Array(new ArrayBuffer(100_000, { maxByteLength: 200_000 })).fill(1)
      const part = () => new Uint8Array(sized().buffer, 0, 80_000)
      const shrink = ({ buffer }) => buffer.resize(50_000)
      await refuses(remote, argsOf(shrink)(part()))
      const results = await Promise.allSettled(
        [
          shrink,
          ({ buffer }) => buffer.resize(150_000),
          ({ buffer }) => {
            buffer.resize(0)
            buffer.resize(100_000)
          },
        ].map(act => remote.echo(...argsOf(act)(sized()))),
      )
      for (const { status, reason, value } of results) {
        if (status === 'rejected') assert.match(reason.message, refused.message)
        else {
          const sent = value
            .flat(2)
            .map(each => each.view ?? each)
            .find(each => each instanceof Uint8Array)
          assert.ok([50_000, 100_000, 150_000].includes(sent.length), `${sent.length} bytes`)
          assert.ok(sent.every(each => each <= 1))
        }
      }
    })
  }

  test(`${transport}: an array that is written to meanwhile arrives as one of its states`, async t => {
    const remote = await open(t)
    for (const order of [view => [running(() => view.fill(2)), view], view => [view, running(() => view.fill(2))]]) {
      const sent = (await remote.echo(...order(array()))).find(each => each instanceof Float64Array)
      assert.ok(sent.every(each => each === sent[0]))
    }
  })

  test(`${transport}: calls that a getter makes carry arrays of their own`, async t => {
    const remote = await open(t)
    const inner = []
    const call = () => inner.push(remote.echo(array(inner.length + 10), Buffer.alloc(50_000, 5)))
    const sent = [array(1), running(call), array(2), { deep: [running(call), array(3)] }]
    assert.deepEqual(await remote.echo(...sent), [array(1), { x: 1 }, array(2), { deep: [{ x: 1 }, array(3)] }])
    assert.deepEqual(
      await Promise.all(inner),
      [10, 11].map(i => [array(i), Buffer.alloc(50_000, 5)]),
    )
  })

  test(`${transport}: lists and objects that change meanwhile arrive as they were`, async t => {
    const remote = await open(t)
    const list = [running(() => list.splice(1)), array(2), array(3)]
    assert.deepEqual(await remote.echo(list), [[{ x: 1 }, null, null]])
    const object = { array: array(1), a: running(() => Object.assign(object, { later: array(9) })), b: array(2) }
    assert.deepEqual(await remote.echo(object), [{ array: array(1), a: { x: 1 }, b: array(2) }])
    const map = new Map([
      [1, running(() => map.set(3, array(3)).delete(2))],
      [2, array(2)],
    ])
    assert.deepEqual((await remote.echo(map))[0].get(1), { x: 1 })
  })

  test(`${transport}: what is thrown behind arrays leaves nothing of them in the next message`, async t => {
    const remote = await open(t)
    const mistake = running(() => {
      throw new Error('in a getter')
    })
    await refuses(remote, [array(7), Buffer.alloc(50_000), mistake], {
      code: 'invalid_argument',
      message: /in a getter/,
    })
    await refuses(remote, [array(7), () => {}, Symbol('x')], { code: 'invalid_argument' })
  })

  test(`${transport}: results and items whose arrays are transferred are refused, and others arrive`, async t => {
    const transferred = () => {
      const view = array()
      return [view, running(() => transfer(view))]
    }
    const remote = await open(t, {
      result: transferred,
      *items() {
        yield array(1)
        yield transferred()
      },
    })
    await assert.rejects(remote.result(), { message: /was transferred/ })
    const seen = []
    await assert.rejects(
      async () => {
        for await (const item of remote.items()) seen.push(item[0])
      },
      { message: /was transferred/ },
    )
    assert.deepEqual(seen, [1])
    assert.deepEqual(await remote.echo(array(2)), [array(2)])
  })
}
