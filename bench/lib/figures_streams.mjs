// What is more than one call and one answer: streams, callbacks, futures, calls that block.
import { atLeast, atMost, divide, times } from './figure_rows.mjs'

const SHM = 'ipcbridge-shm'
const perSecond = value => value && `${Math.round(value).toLocaleString('en-US')} items/s`

function streams(direction, name, { job }, { add, addRatio }) {
  const items = (way, work = 'items') => job(`streams/${way}/${direction}`)[work]?.items_per_s
  const own = items(SHM)
  add(`a stream, ${name}, small items`, own, perSecond, '500,000', '1,500,000', atLeast(500_000))
  const asynchronous = items(SHM, 'items-async')
  add('the same of an async generator', asynchronous, perSecond, '250,000', '700,000', atLeast(250_000))
  addRatio('the stream against gRPC, server streaming', divide(own, items('grpc')), 20, 60)
  addRatio('the stream against JSON lines on a Unix socket', divide(own, items('unix-lines')), 1.5, 4)
}

/** What of the calls a second is lost by what is used. */
function lost(what, { rate }, [used, without], [floor, goal], { add }) {
  const kept = divide(rate(used), rate(without))
  const show = value => value && `${((1 - value) * 100).toFixed(0)} %`
  add(what, kept, show, `< ${floor} %`, `< ${goal} %`, value => 1 - value < floor / 100)
}

function whereUsed(measured, collected) {
  const own = Number(process.versions.node.split('.')[0])
  for (const [major, suffix] of [
    [own, ''],
    [24, '-node24'],
  ]) {
    const version = `Node ${major}`
    const bounds = major < 24 ? [25, 15] : [8, 4]
    for (const direction of ['node-python', 'python-node']) {
      const pair = [`${SHM}-middleware${suffix}/${direction}`, `${SHM}${suffix}/${direction}`]
      const name = direction === 'node-python' ? 'Node → Python' : 'Python → Node'
      lost(
        `middleware that does nothing, both sides, ${name}, ${version}: cost in calls/s`,
        measured,
        pair,
        bounds,
        collected,
      )
    }
    const pair = [`${SHM}-context${suffix}/python-node`, `${SHM}-await${suffix}/python-node`]
    lost(`\`context()\` after \`await\`, ${version}: cost in calls/s`, measured, pair, bounds, collected)
  }
}

/** `what` against the unary call that was measured in turn with it. */
function againstCall(what, measured, floor, goal, { add }) {
  const ratio = divide(measured?.p50_us, measured?.call_p50_us)
  add(what, ratio, value => value && `${value.toFixed(2)} ×`, `at most ${floor} ×`, `${goal} ×`, atMost(floor))
}

export function streamFigures(measured, collected) {
  const { job, rate } = measured
  streams('node-python', 'Node ← Python', measured, collected)
  streams('python-node', 'Python ← Node', measured, collected)
  for (const [direction, name] of [
    ['node-python', 'Node ← Python'],
    ['python-node', 'Python ← Node'],
    ['asyncio-node', 'asyncio ← Node'],
    ['python-python', 'Python ← Python'],
  ]) {
    const { first } = job(`streams/${SHM}/${direction}`)
    againstCall(`first item of a stream, ${name}, p50, times that of a call`, first, 1.5, 1.1, collected)
  }
  for (const [direction, name] of [
    ['node-python', 'Python calls Node back'],
    ['python-node', 'Node calls Python back'],
    ['asyncio-node', 'Node calls asyncio back'],
  ]) {
    const { callbacks } = job(`callbacks/${SHM}/${direction}`)
    againstCall(`callback round trip inside a call, ${name}, times a call`, callbacks, 4, 2.5, collected)
  }
  const submitted = divide(rate(`submitted/${SHM}/python-node`, 'submitted'), rate('stdio-orjson/python-node'))
  collected.add(
    '`submit`, Python → Node, 64 in flight, calls/s against stdio, orjson',
    submitted,
    times,
    '0.6 ×',
    '1 ×',
    atLeast(0.6),
  )
  whereUsed(measured, collected)
  const { blocked } = job(`blocked/${SHM}/node-python`)
  againstCall('`ipc.sync`, Node → Python, p50, times that of the promise', blocked, 1, 0.8, collected)
}
