import * as ipc from 'ipcbridge'
import {
  type Call,
  close,
  connect,
  IpcError,
  kwargs,
  type Remote,
  RemoteError,
  type StreamSource,
  stream,
  withOptions,
} from 'ipcbridge'
import * as kit from 'ipcbridge/testing'

interface Item {
  sku: string
  count: number
}

interface Reservation extends Item {
  until: Date | null
}

/** programs/stock.py, as Python has it. */
interface Warehouse {
  load(items: StreamSource<Item>, onProgress: (number: number) => void): number
  find(sku: string): Item | null
  reserve(sku: string, count?: number, until?: Date): Promise<Reservation>
  photo(sku: string, size: number): Uint8Array
  labels(sku: string): Generator<string>
}

async function buy(warehouse: Remote<Warehouse>): Promise<unknown[]> {
  const progress: number[] = []
  const items = [
    { sku: 'axe', count: 3 },
    { sku: 'saw', count: 1 },
  ]
  const loaded: number = await warehouse.load(stream(items), number => progress.push(number))
  const until = new Date('2030-01-01T00:00:00Z')
  const call: Call<Reservation> = withOptions(warehouse, { timeout: 20_000 }).reserve(
    'axe',
    kwargs({ count: 2, until }),
  )
  const reserved = await call
  const failure: unknown = await warehouse.reserve('saw', kwargs({ count: 5 })).catch((error: unknown) => error)
  if (!(failure instanceof RemoteError)) throw failure
  const labels: string[] = []
  for await (const label of await warehouse.labels('axe')) labels.push(label)
  const photo: string = Buffer.from(await warehouse.photo('saw', 2)).toString()
  const missing: Item | null = await warehouse.find('nail')
  // @ts-expect-error the warehouse has no such method
  const unknown: unknown = () => warehouse.steal('axe')
  void unknown
  const isOurs = failure instanceof IpcError
  return [loaded, progress, reserved, failure.type, failure.attributes, isOurs, labels, photo, missing]
}

async function main(name: string): Promise<void> {
  const warehouse = await connect<Warehouse>(name)
  try {
    const bought = await buy(warehouse)
    if (ipc.connect !== connect) throw new Error('there are two libraries')
    console.log(JSON.stringify({ bought, kit: typeof kit.fake }))
  } finally {
    await close(warehouse)
  }
}

main(String(process.argv[2])).catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
