// ipc.sync() beside what else the thread does: handlers, callbacks of outer calls, notifications, the garbage collector.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import ipc from 'ipcbridge'
import { connect, serveElsewhere } from './support/endpoints.mjs'
import { freshAddress } from './support/names.mjs'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')

const target = `(() => {
  let kept
  let made = 0
  const peer = () => ipc.context().peer.remote
  let letAsk, asked
  const mayAsk = new Promise(resolve => { letAsk = resolve })
  const hasAsked = new Promise(resolve => { asked = resolve })
  let letRead, hasRead
  const mayRead = new Promise(resolve => { letRead = resolve })
  const someRead = new Promise(resolve => { hasRead = resolve })
  const soon = () => new Promise(resolve => setTimeout(resolve, 5))
  return {
    *rows(count) { for (let i = 0; i < count; i++) yield 'x'.repeat(3000) },
    async *slowRows() { for (;;) { await soon(); yield 'x'.repeat(300) } },
    tell: () => { ipc.notify(peer()).take(1); return 'done' },
    ask: metadata => ipc.withOptions(peer(), { metadata }).ask(),
    async *rowsOfAsked() { await mayAsk; const answer = peer().ask(); asked(); yield await answer },
    letAsk: () => { letAsk(); return hasAsked },
    sumLater: async numbers => {
      await mayRead
      let sum = 0
      for await (const number of numbers) if ((sum += number) === 6000) hasRead()
      return sum
    },
    letRead: async (...streams) => { for (const each of streams) await each.toArray(); letRead(); await someRead },
    askWith: _argument => peer().ask(),
    keep: on => { kept = on; return on() },
    callKept: () => kept(),
    one: () => 1,
    make: () => ++made,
  }
})()`

for (const transport of ['shm', 'unix']) {
  const elsewhere = async (t, options) => {
    const address = freshAddress(transport)
    await serveElsewhere(t, address, { target })
    return connect(t, address, options)
  }

  test(`${transport}: a stream that is read now and then is not dropped meanwhile`, async t => {
    const remote = await elsewhere(t)
    const rows = ipc.sync(remote).rows(300)[Symbol.iterator]()
    for (let i = 0; i < 300; i++) {
      assert.equal(rows.next().done, false, `item ${i}`)
      if (i % 30 !== 0) continue
      collectGarbage()
      await turn()
    }
    assert.equal(rows.next().done, true)
  })

  test(`${transport}: a notification by what the thread waits for arrives afterwards`, async t => {
    let heard
    const arrived = new Promise(resolve => {
      heard = resolve
    })
    const remote = await elsewhere(t, { serve: { take: heard } })
    assert.equal(ipc.sync(remote).tell(), 'done')
    assert.equal(await arrived, 1)
  })

  test(`${transport}: what an outer call passed is called while an inner one waits`, async t => {
    const remote = await elsewhere(t)
    let depth = 0
    const on = () => (depth++ === 0 ? ipc.sync(remote).callKept() : 'the inner one')
    assert.equal(ipc.sync(remote).keep(on), 'the inner one')
  })

  test(`${transport}: a handler that waits has its metadata afterwards`, async t => {
    let rows
    const ask = () => {
      rows.next()
      return ipc.context().metadata
    }
    const remote = await elsewhere(t, { serve: { ask } })
    rows = ipc.sync(remote).slowRows()[Symbol.iterator]()
    for (const user of ['ada', 'grace']) assert.deepEqual(await remote.ask({ user }), { user })
    rows.return()
  })

  test(`${transport}: an async middleware is refused before the call is made`, async t => {
    const remote = await elsewhere(t, { middleware: async (call, next) => await next(call) })
    assert.throws(() => ipc.sync(remote).make(), { code: 'failed_precondition' })
    assert.equal(await remote.make(), 1)
  })

  test(`${transport}: what would wait for itself is known also where reading an argument has made a call`, async t => {
    const remote = await elsewhere(t, { serve: { ask: () => 1 } })
    const argument = {
      get asked() {
        return ipc.sync(remote).one()
      },
    }
    const refused = { code: 'failed_precondition', message: /would wait for itself/ }
    assert.throws(() => ipc.sync(remote).askWith(argument), refused)
  })

  test(`${transport}: what came while another call was waited for is refused when it would wait for itself`, async t => {
    const remote = await elsewhere(t, { serve: { ask: () => 1 } })
    const rows = ipc.sync(remote).rowsOfAsked()[Symbol.iterator]()
    ipc.sync(remote).letAsk()
    assert.throws(() => rows.next(), { code: 'failed_precondition', message: /would wait for itself/ })
  })

  test(`${transport}: a stream of another call waits`, async t => {
    const remote = await elsewhere(t)
    let made = 0
    let isBlocked = false
    let madeMeanwhile = 0
    function* ones() {
      while (made < 20_000) {
        made++
        if (isBlocked) madeMeanwhile++
        yield 1
      }
    }
    const sum = remote.sumLater(ones())
    while (made < 8192) await turn() // the window is full
    isBlocked = true
    ipc.sync(remote).letRead(ipc.stream([1]), ipc.stream([2]), ipc.stream([3]))
    isBlocked = false
    assert.equal(madeMeanwhile, 0)
    assert.equal(await sum, 20_000)
  })
}
