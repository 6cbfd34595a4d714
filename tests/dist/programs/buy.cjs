// What a client does with programs/stock.py, whichever way it has come by the library.

const items = [
  { sku: 'axe', count: 3 },
  { sku: 'saw', count: 1 },
]

/** Gives what has come of it; expected below. */
exports.buy = async ({ close, connect, IpcError, kwargs, stream, withOptions }, name) => {
  const warehouse = await connect(name)
  const progress = []
  const loaded = await warehouse.load(stream(items), number => progress.push(number))
  const until = new Date('2030-01-01T00:00:00Z')
  const reserved = await withOptions(warehouse, { timeout: 20_000 }).reserve('axe', kwargs({ count: 2, until }))
  const failure = await warehouse.reserve('saw', kwargs({ count: 5 })).catch(error => error)
  const labels = []
  for await (const label of await warehouse.labels('axe')) labels.push(label)
  const photo = await warehouse.photo('saw', 2)
  const missing = await warehouse.find('nail')
  await close(warehouse)
  const isOurs = failure instanceof IpcError
  return [loaded, progress, reserved, failure.type, failure.attributes, isOurs, labels, `${photo}`, missing]
}

exports.bought = [
  2,
  [1, 2],
  { sku: 'axe', count: 2, until: '2030-01-01T00:00:00.000Z' },
  'OutOfStock',
  { left: 1 },
  true,
  ['axe-0'],
  'sawsaw',
  null,
]
