// What the numbers were measured on, and with what.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { mosquittoVersion } from './broker.mjs'

const bench = fileURLToPath(new URL('..', import.meta.url))

const attempt = action => {
  try {
    return action()
  } catch {
    return null
  }
}

function topology() {
  const wanted = [
    'Model name',
    'CPU(s)',
    'Thread(s) per core',
    'Core(s) per socket',
    'Socket(s)',
    'NUMA node(s)',
    'Hypervisor vendor',
    'Virtualization type',
    'L1d',
    'L2',
    'L3',
  ]
  const flat = {}
  const walk = fields => {
    for (const { field, data, children } of fields) {
      const name = field.replace(/:$/, '').replace(/ cache$/, '')
      if (wanted.includes(name)) flat[name] = data
      if (children) walk(children)
    }
  }
  walk(JSON.parse(execFileSync('lscpu', ['-J'], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })).lscpu)
  return flat
}

function nodeVersions() {
  const { dependencies } = JSON.parse(readFileSync(`${bench}package.json`))
  const version = name => attempt(() => JSON.parse(readFileSync(`${bench}node_modules/${name}/package.json`)).version)
  return Object.fromEntries(Object.keys(dependencies).map(name => [name, version(name)]))
}

function pythonVersions(directory) {
  const program = `import json, platform
from importlib.metadata import distributions
print(json.dumps({"python": platform.python_version(), **dict(sorted((d.name, d.version) for d in distributions() if d.name != "pip"))}))`
  const python = `${bench}${directory}/bin/python`
  return existsSync(python)
    ? attempt(() => JSON.parse(execFileSync(python, ['-c', program], { encoding: 'utf8' })))
    : null
}

export function machine() {
  const read = path => attempt(() => readFileSync(path, 'utf8').trim())
  return {
    cpu: attempt(topology),
    usable_cpus: os.availableParallelism(),
    cgroup_cpu_max: read('/sys/fs/cgroup/cpu.max'),
    governor: read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
    clocksource: read('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
    memory_gib: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${/^[\d.]+/.exec(os.release())[0]}`,
    load_before: os.loadavg()[0],
    versions: {
      node: process.versions.node,
      v8: process.versions.v8,
      mosquitto: mosquittoVersion(),
      npm: nodeVersions(),
      python: pythonVersions('.venv'),
      zerorpc: pythonVersions('.venv-zerorpc'),
    },
  }
}

export function machineLines(about) {
  const { cpu, versions } = about
  const names = packages =>
    Object.entries(packages ?? {})
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')
  const rivals = [
    'aiohttp',
    'grpcio',
    'httptools',
    'orjson',
    'paho-mqtt',
    'python-socketio',
    'pyzmq',
    'uvicorn',
    'websockets',
  ]
  const chosen = Object.fromEntries(rivals.map(name => [name, versions.python?.[name]]))
  const zerorpc = versions.zerorpc
    ? `zerorpc ${versions.zerorpc.zerorpc} with gevent ${versions.zerorpc.gevent}, pyzmq ${versions.zerorpc.pyzmq}, on CPython ${versions.zerorpc.python}`
    : 'zerorpc is not installed'
  return [
    `CPU: ${cpu?.['Model name']}; ${cpu?.['CPU(s)']} CPUs = ${cpu?.['Socket(s)']} socket × ${cpu?.['Core(s) per socket']} cores × ${cpu?.['Thread(s) per core']} threads; L2 ${cpu?.L2}, L3 ${cpu?.L3}; ${cpu?.['Hypervisor vendor'] ? `virtual (${cpu['Hypervisor vendor']})` : 'bare metal'}; usable: ${about.usable_cpus}`,
    `Kernel: ${about.kernel}; memory ${about.memory_gib} GiB; load before the run ${about.load_before.toFixed(2)}`,
    `Node ${versions.node}: ${names(versions.npm)}`,
    `CPython ${versions.python?.python}: ${names(chosen)}; mosquitto ${versions.mosquitto}`,
    zerorpc,
  ]
}
