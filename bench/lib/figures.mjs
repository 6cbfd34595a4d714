// The figures that ipcbridge is to reach, as ratios within one run.

const times = value => (value === null ? null : `${value.toFixed(1)} ×`)
const microseconds = value => (value === null ? null : `${value.toFixed(2)} us`)
const milliseconds = value => (value === null ? null : `${(value / 1000).toFixed(2)} ms`)
const percent = value => (value === null ? null : `${(value * 100).toFixed(0)} %`)

const divide = (a, b) => (a && b ? a / b : null)

/** [{ what, value, floor, goal, ok }]; `ok` is null where there is no floor or nothing was measured. */
export function figures(summary) {
  const rows = []
  const add = (what, value, show, floor, goal, passes) => {
    const measured = value ?? null
    rows.push({ what, value: show(measured), floor, goal, ok: measured === null || !passes ? null : passes(measured) })
  }
  const lane = id => summary[id] ?? {}
  const p50 = id => lane(id).one?.p50_us
  const atLeast = floor => value => value >= floor
  const atMost = floor => value => value <= floor

  const shm = lane('ipcbridge-shm/node-python')
  add('Node → Python, p50 against Unix socket + JSON', shm.against?.unix?.p50, times, '25 ×', '35 ×', atLeast(25))
  add('Node → Python, p99 against Unix socket + JSON', shm.against?.unix?.p99, times, '15 ×', '30 ×', atLeast(15))
  add(
    'Node → Python, 64 in flight, calls/s against JSON lines on stdio',
    shm.against?.stdio?.calls_per_s,
    times,
    '3.5 ×',
    '6 ×',
    atLeast(3.5),
  )
  const blocking = lane('ipcbridge-shm/python-node')
  add(
    'Python blocking → Node, p50 against Unix socket + JSON',
    blocking.against?.unix?.p50,
    times,
    '20 ×',
    '30 ×',
    atLeast(20),
  )
  add(
    'asyncio → Node, p50 against the same on a Unix socket + JSON',
    lane('ipcbridge-shm/asyncio-node').against?.unix?.p50,
    times,
    '–',
    '3 ×',
  )
  add(
    'Node → `async def`, p50 against the same on a Unix socket + JSON',
    lane('ipcbridge-shm/node-asyncio').against?.unix?.p50,
    times,
    '–',
    '3 ×',
  )
  add(
    'Python → Python blocking, p50 against zeroRPC',
    divide(p50('zerorpc/python-python'), p50('ipcbridge-shm/python-python')),
    times,
    '100 ×',
    '300 ×',
    atLeast(100),
  )

  const core = summary.core?.core
  add('C++ → C++ call over shm, p50', core?.call_p50_us, microseconds, '1.2 us', '0.8 us', atMost(1.2))
  add('the ring alone, round trip, p50', core?.ring_rtt_p50_us, microseconds, '0.7 us', '0.6 us', atMost(0.7))

  const { imports } = lane('imports')
  const inMilliseconds = value => value && `${value.toFixed(0)} ms`
  add(
    '`import ipcbridge` above the bare interpreter',
    imports?.ipcbridge_ms,
    inMilliseconds,
    '30 ms',
    '15 ms',
    atMost(30),
  )
  add('`import ipcbridge.aio`, which imports asyncio', imports?.aio_ms, inMilliseconds, '–', '–')

  for (const [direction, name] of [
    ['node-python', 'Python handler'],
    ['python-node', 'Node handler'],
  ]) {
    const { beside } = lane(`beside/ipcbridge-shm/${direction}`)
    add(
      `20 fast calls beside a 5 ms ${name}, fast p99`,
      beside?.p99_us,
      milliseconds,
      '< 1.5 ms',
      '< 1 ms',
      value => value < 1500,
    )
  }
  for (const direction of ['node-python', 'python-node']) {
    const { idle, connection } = lane(`idle/ipcbridge-shm/${direction}`)
    const name = direction === 'node-python' ? 'Node client, Python server' : 'Python client, Node server'
    const switches = idle && idle.voluntary_switches + idle.involuntary_switches
    add(
      `50 idle connections, ${name}: CPU ticks in ${idle?.seconds ?? 5} s`,
      idle?.cpu_ticks,
      value => value,
      '0',
      '0',
      atMost(0),
    )
    add(`the same: context switches`, switches, value => value, '0', '0', atMost(0))
    const reserved = connection && connection.reserved_shared_kib + connection.anonymous_kib
    add(
      `an idle connection, ${name}, both sides`,
      reserved,
      value => value && `${value.toFixed(0)} KiB`,
      '320 KiB',
      '–',
      atMost(320),
    )
    add('the same: descriptors', connection?.fds, value => value, '2', '–', atMost(2))
  }
  const shmSpread = lane('connections/ipcbridge-shm/node-python')
  const unixSpread = lane('connections/ipcbridge-unix/node-python')
  for (const count of [10, 100, 1000]) {
    const share = divide(shmSpread[count]?.calls_per_s, shmSpread[1]?.calls_per_s)
    add(
      `${count} connections, the same load, calls/s of one connection's`,
      share,
      percent,
      '50 %',
      '70 %',
      atLeast(0.5),
    )
    const overUnix = divide(shmSpread[count]?.calls_per_s, unixSpread[count]?.calls_per_s)
    add(`${count} connections, calls/s against ipcbridge unix`, overUnix, times, '1 ×', '–', atLeast(1))
  }
  return rows
}
