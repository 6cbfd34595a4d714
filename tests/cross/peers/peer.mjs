// The Node.js peer: does what the harness says, as client and as server.
import { EventEmitter } from 'node:events'
import { createInterface } from 'node:readline'
import * as ipc from 'ipcbridge'
import { cancelMany, numbers as randomNumbers } from '../../node/support/cancels.mjs'
import { cycle } from '../../node/support/cycles.mjs'
import { gc, ownMemory } from '../../node/support/memory.mjs'
import { ownedCount } from '../../node/support/references.mjs'
import { build } from '../../values/notation.mjs'
import { doubled, mapped } from './around.mjs'
import { burst } from './burst.mjs'
import { loseMany, openMany } from './many.mjs'
import { makeService, total } from './service.mjs'
import { makeStreamActions } from './streams.mjs'
import { tell, tellError } from './telling.mjs'

const say = message => process.stdout.write(`${JSON.stringify(message)}\n`)
const event = (name, more) => say({ event: name, ...more })

const clients = new Map()
const servers = new Map()
const controllers = new Map()
let gate = makeGate()
let crowd = []
let many

/** A function to be called back that returns when the harness says so, and tells when nobody waits for it any more. */
function makeGate() {
  const opened = new EventEmitter()
  const isOpen = new Promise(resolve => opened.once('open', resolve))
  return {
    open: () => opened.emit('open'),
    wait: async value => {
      ipc.context().signal.addEventListener('abort', () => event('callback cancelled'))
      event('asked')
      await isOpen
      return value
    },
  }
}

function connectOptions({ connect_timeout, max_queued_bytes, limits, allow, lazy, middleware } = {}) {
  const options = {}
  if (lazy !== undefined) options.lazy = lazy
  if (middleware) options.middleware = doubled
  if (connect_timeout !== undefined) options.connectTimeout = connect_timeout === null ? null : connect_timeout * 1000
  if (max_queued_bytes !== undefined) options.maxQueuedBytes = max_queued_bytes
  if (limits !== undefined) options.limits = limitsOf(limits)
  if (allow !== undefined) options.allow = allow
  return options
}

const limitsOf = limits =>
  Object.fromEntries(
    Object.entries(limits).map(([name, value]) => [name.replace(/_(.)/g, (_, c) => c.toUpperCase()), value]),
  )

function serveOptions({ takeover, takeover_timeout, limits, middleware, map_error, expose_errors, ...same } = {}) {
  const options = { onError: (error, { method }) => event('handler failed', { method, error: String(error) }) }
  if (middleware) options.middleware = doubled
  if (map_error) options.mapError = mapped
  if (expose_errors !== undefined) options.exposeErrors = expose_errors
  if (takeover !== undefined) options.takeover = takeover
  if (takeover_timeout !== undefined) options.takeoverTimeout = takeover_timeout * 1000
  if (limits !== undefined) options.limits = limitsOf(limits)
  return Object.assign(options, same)
}

function viewOf({ id, on, timeout, idle_timeout, metadata, pass_on, idempotent, wait_for_ready, cancellable, sync }) {
  const options = {}
  if (timeout !== undefined) options.timeout = timeout === null ? null : timeout * 1000
  if (idle_timeout !== undefined) options.idleTimeout = idle_timeout * 1000
  if (metadata !== undefined) options.metadata = metadata
  if (pass_on !== undefined) options.passOn = pass_on
  if (idempotent !== undefined) options.idempotent = idempotent
  if (wait_for_ready !== undefined) options.waitForReady = wait_for_ready
  if (cancellable) {
    controllers.set(id, new AbortController())
    options.signal = controllers.get(id).signal
  }
  const remote = sync ? ipc.sync(clients.get(on)) : clients.get(on)
  return Object.keys(options).length === 0 ? remote : ipc.withOptions(remote, options)
}

function argumentsOf({ args = [], kwargs, unencodable }) {
  const built = unencodable ? [{ items: [0, 1, 2, Symbol('no value')] }] : args.map(arg => build(arg))
  return kwargs === undefined ? built : [...built, ipc.kwargs(build({ object: Object.entries(kwargs) }))]
}

const memberOf = (remote, path) => path.split('.').reduce((holder, name) => holder[name], remote)

/** Calls the method that a command names; `first` stand before its arguments. */
const start = (command, ...first) => memberOf(viewOf(command), command.method)(...first, ...argumentsOf(command))

const streams = makeStreamActions(event, clients, start)

/** A function to be called back, by its name in tests/cross/test_callbacks.py. */
function functionOf(kind) {
  const raising = value => {
    throw new Error(`nothing for ${value}`)
  }
  return {
    plain: value => value * 2,
    async: async value => value * 2,
    raising,
    summing: total,
    making: streams.numbers,
    borrowing: async fn => 2 * (await fn(20)),
  }[kind]
}

/** An object that travels by reference. */
class Tally {
  total = 0
  add(number) {
    this.total += number
    return this.total
  }
}

async function codeOf(act) {
  try {
    await act()
  } catch (error) {
    return error.code
  }
  return 'nothing'
}

const actions = {
  directory: ({ path }) => {
    process.env.IPCBRIDGE_DIR = path
  },
  connect: async ({ as, address, options }) => {
    clients.set(as, await ipc.connect(address, connectOptions(options)))
    return ipc.status(clients.get(as))
  },
  call: async command => {
    if (command.by_name) return tell(await ipc.call(viewOf(command), command.method, argumentsOf(command)))
    return tell(await start(command))
  },
  ...streams.actions,
  open_many: async ({ on, count }) => {
    many = await openMany(clients.get(on), count)
  },
  lose_many: () => loseMany(many),
  open_gate: () => gate.open(),
  numbers_at_once: ({ on, args }) =>
    ipc
      .sync(clients.get(on))
      .numbers(...args)
      .toArray(),
  each_at_once: ({ on, items, kind }) => ipc.sync(clients.get(on)).each(items, functionOf(kind)),
  each: async command =>
    viewOf(command).each(command.items, command.kind === 'gated' ? gate.wait : functionOf(command.kind)),
  each_later: async command => {
    const results = []
    for await (const item of viewOf(command).each_later(command.count, functionOf(command.kind))) results.push(item)
    return results
  },
  pass_function: command => viewOf(command)[command.method](...command.args, functionOf(command.kind)),
  retained: async ({ on }) => {
    const remote = clients.get(on)
    const double = ipc.retain(functionOf('plain'))
    const seen = [await remote.keep(double), await remote.keep(double), await remote.fire(21)]
    ipc.release(double)
    return [...seen, await codeOf(() => remote.fire(1))]
  },
  counter: async ({ on }) => {
    const counter = await clients.get(on).counter()
    const seen = [await counter.add(2), await counter.add(3), await ipc.getAttribute(counter, 'total')]
    await ipc.setAttribute(counter, 'total', 100)
    seen.push(await counter.add(1), await codeOf(() => ipc.getAttribute(counter, '_x')))
    ipc.release(counter)
    return [...seen, await codeOf(() => counter.add(1))]
  },
  attributes: async ({ on }) => {
    const counter = await clients.get(on).counter()
    await counter.add(4)
    const codes = []
    for (const name of ['add', '_x', 'nope']) codes.push(await codeOf(() => ipc.getAttribute(counter, name)))
    for (const name of ['add', '_x', 'nope', 'twice'])
      codes.push(await codeOf(() => ipc.setAttribute(counter, name, 1)))
    return [codes, await ipc.getAttribute(counter, 'twice'), await counter.add(1)]
  },
  same: ({ on }) => {
    const [double, other] = [functionOf('plain'), functionOf('plain')]
    return clients.get(on).same(double, double, other)
  },
  give_and_forget: async ({ on }) => {
    for (let i = 0; i < 100; i++) await clients.get(on).keep(ipc.retain(() => i))
    await clients.get(on).keep(null)
  },
  take_and_forget: async ({ on }) => {
    for (let i = 0; i < 100; i++) await (await clients.get(on).counter()).add(i)
  },
  collect: () => gc(),
  counter_back: async ({ on }) => {
    const counter = await clients.get(on).counter()
    const { count_with: countWith } = clients.get(on)
    return [await countWith(counter), await countWith(ipc.proxy(counter)), await counter.add(1)]
  },
  connect_both_ways: async ({ as, address, name }) => {
    const offered = { answer: value => value * 10, refuse: functionOf('raising'), total }
    clients.set(as, await ipc.connect(address, { serve: offered, name }))
    return process.pid
  },
  ask_peers: async ({ as, value }) => {
    const { peers } = servers.get(as)
    const same = servers.get(as).peers.every((peer, i) => peer === peers[i])
    const outcomes = await ipc.fanOut(peers).answer(value)
    return [same, outcomes.map(({ value, error }) => (error === undefined ? value : 'failed'))]
  },
  own_counter: async ({ on }) => {
    const tally = new Tally()
    const passed = ipc.proxy(tally)
    const { count_with: countWith } = clients.get(on)
    return [await countWith(passed), await countWith(passed), tally.total]
  },
  cancel_many: ({ on, count }) => cancelMany(clients.get(on), count, randomNumbers(count)),
  cycle: ({ on, count }) => cycle(clients.get(on), count),
  memory: async () => (await ownMemory()).all,
  shared: ownedCount,
  has: ({ on, method }) => memberOf(clients.get(on), method) !== undefined,
  cancel: ({ call }) => controllers.get(call).abort(),
  notify: command => {
    const method = memberOf(ipc.notify(viewOf(command)), command.method)
    for (let i = 0; i < (command.times ?? 1); i++) method(...argumentsOf(command))
  },
  describe: ({ on }) => ipc.describe(clients.get(on)),
  status: ({ on }) => {
    const { pendingCalls, queuedCalls, unreadBytes, droppedNotifications, busy, ...status } = ipc.status(
      clients.get(on),
    )
    return {
      ...status,
      pending_calls: pendingCalls,
      queued_calls: queuedCalls,
      unread_bytes: unreadBytes,
      dropped_notifications: droppedNotifications,
      busy: busy && { method: busy.method, seconds: busy.ms / 1000 },
      peer_pid: status.peer?.pid,
    }
  },
  watch: ({ on }) => {
    ipc.onState(clients.get(on), state => event('state', { state }))
  },
  watch_server: ({ as }) => {
    ipc.onState(servers.get(as), (state, reason) => event('server state', { state, code: reason?.code ?? null }))
  },
  close: ({ on }) => ipc.close(clients.get(on)),
  burst: command => burst(memberOf(viewOf(command), command.method), command, () => event('underway')),
  crowd: async ({ address, count, options }) => {
    const results = await Promise.allSettled(
      Array.from({ length: count }, async () => {
        const client = await ipc.connect(address, connectOptions(options))
        crowd.push(client)
        return client.add(1, 2)
      }),
    )
    const failed = results.filter(({ status }) => status === 'rejected')
    return { ok: results.filter(({ value }) => value === 3).length, codes: failed.map(({ reason }) => reason.code) }
  },
  call_crowd: async () =>
    (await Promise.all(crowd.map((client, i) => client.add(i, 1)))).every((sum, i) => sum === i + 1),
  disperse: async () => {
    await Promise.all(crowd.map(client => ipc.close(client)))
    crowd = []
  },
  serve: async ({ as, address, options, methods }) => {
    const service = methods
      ? Object.fromEntries(methods.map(name => [name, () => name]))
      : makeService(event, address => ipc.connect(address), clients)
    servers.set(as, await ipc.serve(address, service, serveOptions(options)))
  },
  server_status: ({ as }) => servers.get(as).status(),
  unserve: ({ as, grace }) => servers.get(as).close({ grace: grace * 1000 }),
  become: ({ uid }) => {
    process.setgroups([])
    process.setgid(uid)
    process.setuid(uid)
  },
  exit: ({ code }) => process.exit(code),
  raise: () => {
    process.nextTick(() => {
      throw new Error('as asked')
    })
  },
  reset: async () => {
    await actions.disperse()
    await Promise.all([...clients.values()].map(client => ipc.close(client)))
    await Promise.all([...servers.values()].map(server => server.close({ grace: 0 })))
    clients.clear()
    servers.clear()
    streams.forget()
    gate = makeGate()
  },
}

async function obey(command) {
  try {
    say({ re: command.id, value: (await actions[command.do](command)) ?? null })
  } catch (error) {
    say({ re: command.id, error: tellError(error) })
  } finally {
    controllers.delete(command.id)
  }
}

for await (const line of createInterface({ input: process.stdin })) void obey(JSON.parse(line))
process.exit(0)
