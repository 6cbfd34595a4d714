// Compiled, never run: see types.test.mjs.

import type { Readable } from 'node:stream'
import { type RecordBatch, Table } from 'apache-arrow'
import {
  type Call,
  type Callback,
  type Columns,
  call,
  closeOnSignals,
  connect,
  type DType,
  fanOut,
  getAttribute,
  type Kwargs,
  kwargs,
  type Middleware,
  NDArray,
  notify,
  type Proxied,
  proxy,
  type Reference,
  type Remote,
  type Retained,
  release,
  retain,
  type Stream,
  type StreamSource,
  type Synchronous,
  type SyncStream,
  serve,
  stream,
  sync,
} from 'ipcbridge'

interface Docs {
  analyse(id: string, text: string, depth?: number): Promise<number>
  join(first: string, ...rest: string[]): string
  all(): void
  math: { add(a: number, b: number): number }
}

export async function use(): Promise<void> {
  const docs = await connect<Docs>('docs')
  const analysed: Call<number> = docs.analyse('a', 'text', 3)
  await analysed
  await docs.analyse('a', kwargs({ text: 'b' }))
  await docs.analyse(kwargs({ id: 'a', text: 'b' }))
  const depth: Kwargs = kwargs({ depth: 2 })
  await docs.analyse('a', 'text', depth)
  await docs.analyse('a', 'text', 3, kwargs({ more: 1 }))
  await docs.join('a', 'b', kwargs({ by: '-' }))
  await docs.all(kwargs({ really: true }))
  await docs.math.add(1, kwargs({ b: 2 }))
  const results: boolean[] = [notify(docs).analyse('a', kwargs({ text: 'b' }))]
  results.push(notify(docs).math.add(1, 2))
  // @ts-expect-error a parameter is missing
  await docs.analyse('a')
  // @ts-expect-error keyword arguments come last
  await docs.analyse(kwargs({ id: 'a' }), 'text')
  // @ts-expect-error of another type
  await docs.analyse(5, kwargs({ text: 'b' }))
}

export async function dispose(): Promise<void> {
  await using server = await serve('docs', { join: (first: string) => first })
  await using docs = await connect<Docs>(server.address)
  await docs.join('a')
}

interface Written {
  first<T>(items: T[]): Call<T>
  pick(by: 'id'): Call<number>
  pick(by: 'name'): Call<string>
  // biome-ignore lint/suspicious/noExplicitAny: what nobody has described
  odd(): any
  fail(): never
}

/** Methods that are declared as callers have them keep what a mapped type would lose. */
export async function declaredAsCalled(): Promise<Call<never>> {
  const service = await connect<Written>('service')
  const first: number = await service.first([1])
  const picked: [number, string] = [await service.pick('id'), await service.pick('name')]
  // @ts-expect-error of another overload
  const wrong: string = await service.pick('id')
  // @ts-expect-error of none
  service.pick('else')
  await service.pick(kwargs({ by: 'id' }))
  // @ts-expect-error a Call, whatever it gives
  const odd: number = service.odd()
  notify(service).pick('name')
  console.log(first, picked, wrong, odd)
  return service.fail()
}

class Store {
  users = new Map<string, number>()
  names = new Set(['Ada'])
  began = new Date()
  history: string[] = []
  bytes = Buffer.alloc(4)
  limit = 5
  _cache = { drop() {} }
  math = { add: (a: number, b: number) => a + b }
  size() {
    return this.users.size
  }
}

export async function namespaces(): Promise<('math' | 'size')[]> {
  const store = await connect<Store>('store')
  await store.math.add(await store.size(), kwargs({ b: 2 }))
  return [] as Exclude<keyof typeof store, symbol>[]
}

/** A service that nobody has described, and one that may come back without some of its methods. */
export async function loose(): Promise<void> {
  const unknown = await connect('docs')
  notify(unknown).log('x')
  notify(unknown).math.add(1)
  // biome-ignore lint/suspicious/noExplicitAny: what users write who have no types
  const any = await connect<any>('docs')
  const sum = await any.math.add(1, 2)
  notify(any).log(sum)

  const some = await connect<{ old?: (name: string) => number; math?: Docs['math']; when?: Date }>('docs')
  const found: number | undefined = await some.old?.('a')
  notify(some).math?.add(found ?? 1, 2)
  // @ts-expect-error it may be gone
  some.old('a')
  // @ts-expect-error a value, not a method
  some.when
}

interface Streams {
  rows(count: number): AsyncGenerator<{ id: number }>
  numbers(): Generator<number, void, undefined>
  later(): Promise<Generator<string>>
  file(): Readable
  listed(): StreamSource<number>
  passed(): Stream<boolean>
  sum(numbers: AsyncIterable<number>): Promise<number>
  some(): Iterable<{ id: number }>
  others(): AsyncIterable<{ id: number }>
  again(): IterableIterator<number>
  soon(): Promise<AsyncIterableIterator<string>>
  perhaps(): Iterable<number> | undefined
  // biome-ignore lint/suspicious/noExplicitAny: what nobody has described
  any(): Iterable<any>
}

/** They can be iterated over, and are no streams. */
interface Iterables {
  text(): string
  list(): number[]
  pair(): readonly [number, string]
  map(): Map<string, number>
  set(): ReadonlySet<number>
  bytes(): Buffer
  numbers(): Float64Array
  frame(frame: NDArray): NDArray<number>
  table(table: Table): Table
  batch(): RecordBatch
  plain(): Columns
  each(): Iterable<number>[]
}

export async function streams(): Promise<void> {
  const service = await connect<Streams>('service')
  for await (const { id } of service.rows(2)) id.toFixed()
  for await (const number of service.numbers()) number.toFixed()
  for await (const text of service.later()) text.trim()
  for await (const isTrue of service.passed()) isTrue.valueOf()
  const rows: Call<Stream<{ id: number }>> = service.rows(1)
  const listed: number[] = await (await service.listed()).toArray()
  const file: Stream<unknown> = await service.file()
  await file.close()
  const total: number = await service.sum(stream([1, 2]))
  await using read = await service.numbers()
  // @ts-expect-error of other items
  const wrong: Call<Stream<string>> = service.rows(1)
  // @ts-expect-error a value
  for await (const digit of service.sum(stream([1]))) digit.toFixed()
  void [rows, listed, total, wrong, read]
}

interface Camera {
  frames(): AsyncGenerator<NDArray<number>>
  sound(): Generator<{ samples: Float32Array }>
}

export async function arrayStreams(): Promise<void> {
  const camera = await connect<Camera>('camera')
  const kept: NDArray<number>[] = []
  for await (const frame of camera.frames()) kept.push(retain(frame))
  const frames: Stream<NDArray<number>> = retain(await camera.frames())
  const sound: SyncStream<{ samples: Float32Array }> = retain(sync(camera).sound())
  for (const { samples } of sound) retain(samples).fill(0)
  // @ts-expect-error each array in it is retained
  for await (const block of camera.sound()) retain(block)
  // @ts-expect-error a call, and no stream yet
  retain(camera.frames())
  void [kept, frames]
}

/** What a method is typed with that streams, in an interface that describes a Python service above all. */
export async function iterables(): Promise<void> {
  const service = await connect<Streams>('service')
  for await (const { id } of service.some()) id.toFixed()
  for await (const { id } of service.others()) id.toFixed()
  for await (const number of service.again()) number.toFixed()
  for await (const text of service.soon()) text.trim()
  for await (const anything of service.any()) anything.whatever()
  const perhaps: Stream<number> | undefined = await service.perhaps()
  for (const { id } of sync(service).some()) id.toFixed()
  // @ts-expect-error of other items
  const wrong: Call<Stream<string>> = service.some()

  const values = await connect<Iterables>('values')
  const text: Call<string> = values.text()
  const list: Call<number[]> = values.list()
  const pair: Call<readonly [number, string]> = values.pair()
  const map: Call<Map<string, number>> = values.map()
  const set: Call<ReadonlySet<number>> = values.set()
  const bytes: Call<Buffer> = values.bytes()
  const numbers: Call<Float64Array> = values.numbers()
  const frame: Call<NDArray<number>> = values.frame(new NDArray(new Uint8Array(6), [2, 3]))
  const row: NDArray<number> = (await frame).slice(0, [null, -1]).transpose([0])
  const corner: number = row.at(-1) + NDArray.from<number>([[1, 2]], 'int32').at(0, 0)
  const table: Call<Table> = values.table(await values.table(new Table()))
  const batch: Call<RecordBatch> = values.batch()
  const { columns, index, dtypes } = await values.plain()
  const first: unknown = columns.a?.[0] ?? index?.[0] ?? dtypes.a?.length
  const fields: DType = [
    ['x', 'float64'],
    ['rgb', 'uint8', [3]],
  ]
  const made: NDArray = NDArray.from([{ x: 1, rgb: [1, 2, 3] }], fields)
  // @ts-expect-error of no typed array
  new NDArray([1, 2])
  // @ts-expect-error whose properties cannot be set
  made.shape = [1]
  const each: Call<Iterable<number>[]> = values.each()
  // @ts-expect-error a value
  for await (const number of values.list()) number.toFixed()
  void [perhaps, wrong, text, list, pair, map, set, bytes, each, numbers, corner, table, batch, first]
}

class Account {
  balance = 0
  pay(amount: number): number {
    this.balance += amount
    return this.balance
  }
}

interface Callbacks {
  fit(rows: number[], onEpoch?: (epoch: number, loss: number) => void): Promise<number>
  ask(question: Callback<(text: string) => string>): Promise<string>
  listen(options: { on: (event: string) => void }): void
  adder(by: number): Retained<(x: number) => number>
  open(name: string): Proxied<Account>
  audit(account: Reference<Account>): Promise<number>
}

export async function callbacks(): Promise<void> {
  const service = await connect<Callbacks>('service')
  const loss: number = await service.fit([1], (epoch, loss) => console.log(epoch.toFixed(), loss.toFixed()))
  await service.fit([1], async epoch => void epoch.toFixed())
  const epochs: number[] = []
  await service.fit([1], epoch => epochs.push(epoch))
  await service.fit([1])
  await service.ask(text => text.trim())
  await service.ask(async text => text.trim())
  await service.listen({ on: event => event.trim() })
  const add = await service.adder(3)
  const sum: Call<number> = add(4)
  release(add)
  using account = await service.open('Ada')
  const paid: Call<number> = account.pay(5)
  const balance: unknown = await getAttribute(account, 'balance')
  await service.audit(proxy(new Account()))
  await service.ask(retain((text: string) => text))
  // @ts-expect-error of another type
  await service.ask(text => text.length)
  // @ts-expect-error an attribute, which is asked for
  account.balance
  // @ts-expect-error by reference only
  await service.audit(new Account())
  void [loss, sum, paid, balance]
}

/** A handler that is called back, and a service that calls its peers. */
export async function bothWays(): Promise<void> {
  const server = await serve('ways', {
    async longest(texts: string[], judge: Callback<(text: string) => number>) {
      const judged: number[] = await Promise.all(texts.map(text => judge(text)))
      return Math.max(...judged)
    },
    audit: async (account: Reference<Account>): Promise<number> => account.pay(1),
  })
  await connect('ways', { serve: { reload: () => 1 }, name: 'worker' })
  const peers = server.peers as Remote<{ reload(): number }>[]
  for (const { peer, value, error } of await fanOut(peers).reload()) {
    await peer.reload()
    if (error === undefined) value.toFixed()
    else error.code.trim()
  }
}

export async function useServer(): Promise<void> {
  const server = await serve('docs', {})
  server.unref().ref()
  const end: () => void = closeOnSignals(server, { grace: 5000 })
  end()
  closeOnSignals([server], { signals: ['SIGHUP'], exitCode: 0, beforeExit: async signal => signal === 'SIGHUP' })
  // @ts-expect-error: no signal
  closeOnSignals(server, { signals: ['SIGNAL'] })
}

export async function lazily(): Promise<void> {
  const docs = connect<Docs>('docs', { lazy: true })
  const analysed: Call<number> = docs.analyse('a', 'text')
  await analysed
}

export async function block(): Promise<void> {
  const docs = await connect<Docs & { lines(): Generator<string>; on(): () => number }>('docs')
  const blocking: Synchronous<typeof docs> = sync(docs)
  const analysed: number = blocking.analyse('a', kwargs({ text: 'b' }))
  const sum: number = blocking.math.add(analysed, 1)
  const lines: SyncStream<string> = blocking.lines()
  for (const line of lines) line.toUpperCase()
  const called: number = sync(blocking.on())()
  const anything: unknown = call(blocking, 'analyse', ['a', String(sum + called)])
  const pending: Call<unknown> = call(docs, 'analyse', [anything])
  await pending
  // @ts-expect-error: it is no promise
  blocking.all().then()
}

/** Middleware of either side. */
export async function around(): Promise<void> {
  const timed: Middleware = async (call, next) => {
    call.metadata.start = Date.now()
    call.args.push(call.context?.peer.name)
    return await next(call)
  }
  await serve('around', { add: (a: number) => a }, { middleware: timed, expose: ['add'] as const })
  await connect('around', { middleware: [timed, (call, next) => next(call)] })
  // @ts-expect-error no function
  await connect('around', { middleware: 5 })
}
