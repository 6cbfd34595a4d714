// What is compared: a way of calling, in a direction.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { missingPackages, RELEASED_ENV } from './released.mjs'

const bench = fileURLToPath(new URL('..', import.meta.url))
const rivalPython = `${bench}.venv/bin/python`
export const ownPython = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url))
const zerorpcPython = `${bench}.venv-zerorpc/bin/python`

export const MAIN_DIRECTIONS = ['node-python', 'python-node']
// Beside the main ones, for the Unix socket and ipcbridge: the other forms of client and handler.
const OTHER_DIRECTIONS = ['python-python', 'asyncio-node', 'node-async', 'python-async']
const unixPath = (directory, id) => `unix://${directory}/${id}.sock`
const shmPath = (directory, id) => `shm://${directory}/${id}.sock`

export const WAYS = [
  { id: 'stdio', name: 'stdio, JSON lines', module: 'stdio', stdio: true, directions: MAIN_DIRECTIONS },
  {
    id: 'stdio-orjson',
    name: 'stdio, JSON lines, orjson',
    module: 'stdio',
    stdio: true,
    directions: [...MAIN_DIRECTIONS, 'python-python'],
    env: { BENCH_JSON: 'orjson' },
  },
  { id: 'stdio-frames', name: 'stdio, length and bytes', module: 'stdio_frames', stdio: true, directions: [] },
  {
    id: 'unix',
    name: 'Unix socket, JSON',
    module: 'socket',
    address: unixPath,
    directions: [...MAIN_DIRECTIONS, ...OTHER_DIRECTIONS],
  },
  { id: 'unix-lines', name: 'Unix socket, JSON lines', module: 'lines', address: unixPath, directions: [] },
  {
    id: 'unix-kept',
    name: 'Unix socket, kept buffer',
    module: 'socket',
    address: unixPath,
    directions: [],
    env: { BENCH_KEPT: '1' },
  },
  { id: 'tcp', name: 'TCP, JSON', module: 'socket', address: () => 'tcp://127.0.0.1:0', directions: MAIN_DIRECTIONS },
  { id: 'http', name: 'HTTP keep-alive', module: 'http', directions: MAIN_DIRECTIONS },
  { id: 'websocket', name: 'WebSocket', module: 'websocket', directions: MAIN_DIRECTIONS },
  { id: 'socketio', name: 'Socket.IO', module: 'socketio', directions: MAIN_DIRECTIONS },
  { id: 'mqtt', name: 'MQTT, Mosquitto', module: 'mqtt', broker: true, directions: MAIN_DIRECTIONS },
  {
    id: 'zeromq-ipc',
    name: 'ZeroMQ ipc',
    module: 'zeromq',
    address: (directory, id) => `ipc://${directory}/${id}.sock`,
    directions: MAIN_DIRECTIONS,
  },
  {
    id: 'zeromq-tcp',
    name: 'ZeroMQ tcp',
    module: 'zeromq',
    address: () => 'tcp://127.0.0.1:*',
    directions: MAIN_DIRECTIONS,
  },
  {
    id: 'zerorpc',
    name: 'zeroRPC',
    module: 'zerorpc',
    address: (directory, id) => `ipc://${directory}/${id}.sock`,
    directions: ['python-python'],
    python: zerorpcPython,
  },
  { id: 'grpc', name: 'gRPC', module: 'grpc', directions: MAIN_DIRECTIONS },
  {
    id: 'ipcbridge-unix',
    name: 'ipcbridge unix',
    module: 'ipcbridge',
    address: unixPath,
    directions: [...MAIN_DIRECTIONS, ...OTHER_DIRECTIONS],
    python: ownPython,
  },
  {
    id: 'ipcbridge-shm',
    name: 'ipcbridge shm',
    module: 'ipcbridge',
    address: shmPath,
    directions: [...MAIN_DIRECTIONS, ...OTHER_DIRECTIONS],
    python: ownPython,
  },
  {
    id: 'ipcbridge-shm-aio',
    name: 'ipcbridge shm, aio.serve',
    module: 'ipcbridge',
    address: shmPath,
    directions: ['node-async', 'python-async'],
    python: ownPython,
    env: { BENCH_SERVE: 'aio' },
  },
]

/** The same under another Node.js, with what costs something only where it is used. */
const node24 = `${bench}node_modules/node24/bin/node`
const shmWay = (id, name, more) => ({
  id: `ipcbridge-shm-${id}`,
  name: `ipcbridge shm, ${name}`,
  module: 'ipcbridge',
  address: shmPath,
  python: ownPython,
  ...more,
})
const ON_BOTH_SIDES = { BENCH_MIDDLEWARE: '1' }
const AFTER_AWAIT = { BENCH_METHOD: 'upper_after_await' }
const IN_CONTEXT = { BENCH_METHOD: 'upper_in_context' }
WAYS.push(
  shmWay('released', 'as released', { directions: MAIN_DIRECTIONS, env: RELEASED_ENV, missing: missingPackages }),
  shmWay('middleware', 'middleware', { directions: MAIN_DIRECTIONS, env: ON_BOTH_SIDES }),
  shmWay('await', 'handler with `await`', { directions: ['python-node'], env: AFTER_AWAIT }),
  shmWay('context', '`context()` after `await`', { directions: ['python-node'], env: IN_CONTEXT }),
  shmWay('node24', 'Node 24', { directions: MAIN_DIRECTIONS, node: node24 }),
  shmWay('middleware-node24', 'Node 24, middleware', { directions: MAIN_DIRECTIONS, node: node24, env: ON_BOTH_SIDES }),
  shmWay('await-node24', 'Node 24, handler with `await`', {
    directions: ['python-node'],
    node: node24,
    env: AFTER_AWAIT,
  }),
  shmWay('context-node24', 'Node 24, `context()` after `await`', {
    directions: ['python-node'],
    node: node24,
    env: IN_CONTEXT,
  }),
)

const SIDES = {
  'node-python': ['client.mjs', 'server.py'],
  'python-node': ['client.py', 'server.mjs'],
  'python-python': ['client.py', 'server.py'],
  'asyncio-node': ['client_async.py', 'server.mjs'],
  'node-async': ['client.mjs', 'server_async.py'],
  'python-async': ['client.py', 'server_async.py'],
}

export const DIRECTION_NAMES = {
  'node-python': 'Node → Python',
  'python-node': 'Python → Node',
  'python-python': 'Python → Python',
  'asyncio-node': 'asyncio → Node',
  'node-async': 'Node → `async def`',
  'python-async': 'Python → `async def`',
}

const interpreter = (way, file) => (file.endsWith('.py') ? (way.python ?? rivalPython) : (way.node ?? process.execPath))

/** Why the way cannot run at all, or null. */
function missing(way) {
  const reason = way.missing?.()
  if (reason) return reason
  const interpreters = [way.python ?? rivalPython, way.node ?? process.execPath]
  const absent = interpreters.find(path => !existsSync(path))
  if (absent === undefined) return null
  return `no interpreter at ${absent.replace(fileURLToPath(new URL('../..', import.meta.url)), '')}`
}

export function measurement(way, direction, sides = SIDES[direction]) {
  const [clientFile, serverFile] = sides.map(file => `${bench}ways/${way.module}/${file}`)
  const main = (file, name) => [
    interpreter(way, file),
    `${bench}lib/${name}.${file.endsWith('.py') ? 'py' : 'mjs'}`,
    file,
  ]
  return {
    id: `${way.id}/${direction}`,
    way,
    direction,
    missing: missing(way),
    client: main(clientFile, 'worker'),
    // A stdio server is the client's own child.
    server: way.stdio ? [interpreter(way, serverFile), serverFile] : main(serverFile, 'serve'),
  }
}

export function measurements({ ways, directions }) {
  return WAYS.filter(way => !ways || ways.includes(way.id)).flatMap(way =>
    way.directions
      .filter(direction => !directions || directions.includes(direction))
      .map(direction => measurement(way, direction)),
  )
}
