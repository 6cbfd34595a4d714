import { constants } from 'node:os'
import type * as WorkerThreads from 'node:worker_threads'
import { IpcError } from '../errors'
import { log } from '../log'
import { type CloseOptions, checkKeys, count, fn, isList, milliseconds } from '../options'
import { shownError } from '../printed'
import { native } from '../runtime'
import { show } from '../shown'
import { type Server, serviceIfAny } from './server'
import type { Service } from './service'

/** The options of `closeOnSignals`. */
export interface SignalOptions extends CloseOptions {
  /** Which signals. Default `['SIGTERM', 'SIGINT']`. */
  signals?: readonly NodeJS.Signals[]
  /** With which the process exits, from 0 to 255. Default 128 and the number of the signal: 143 after SIGTERM. */
  exitCode?: number
  /** Called, and awaited, between the end of the servers and that of the process: closes what handlers have used. */
  beforeExit?: (signal: NodeJS.Signals) => unknown
}

interface Registration {
  readonly services: readonly Service[]
  readonly signals: readonly NodeJS.Signals[]
  readonly grace: number
  readonly exitCode: number | undefined
  readonly beforeExit: (signal: NodeJS.Signals) => unknown
}

const optionKeys = ['grace', 'signals', 'exitCode', 'beforeExit']
const registrations = new Set<Registration>()
const listened = new Set<NodeJS.Signals>()
let isEnding = false

/**
 * From now on SIGTERM and SIGINT close the servers as `close` does, and end the process when that is over. A second signal ends it
 * at once. The function returned ends that, and so does the end of the servers. Listeners of the program's own go on.
 *
 * Throws 'invalid_argument' for what is no server and for wrong options, 'failed_precondition' in a worker, where there are
 * no signals.
 */
export function closeOnSignals(servers: Server | readonly Server[], options: SignalOptions = {}): () => void {
  if (!isMainThread()) {
    throw new IpcError('failed_precondition', 'signals reach the main thread only: call closeOnSignals() there')
  }
  const registration = register(isList(servers) ? servers : [servers], options)
  registrations.add(registration)
  listenToSignals()
  const end = () => {
    registrations.delete(registration)
    listenToSignals()
    for (const service of registration.services) service.handleSignalsAgain()
  }
  const endIfClosed = () => {
    if (!isEnding && registration.services.every(({ state }) => state.current === 'closed')) end()
  }
  for (const { state } of registration.services) state.listen(endIfClosed)
  endIfClosed()
  return end
}

/** Not imported at the top: that loads streams and more, and takes longer than all of this library. */
function isMainThread(): boolean {
  return (require('node:worker_threads') as typeof WorkerThreads).isMainThread
}

function register(servers: readonly unknown[], options: SignalOptions): Registration {
  checkKeys('closeOnSignals', options, optionKeys)
  return {
    services: servers.map(server => serviceIfAny(server) ?? refuse('takes servers', server)),
    signals: signalsOf(options.signals),
    grace: milliseconds('grace', options.grace, native().numbers.defaultGrace),
    exitCode: count('exitCode', options.exitCode, { most: 255 }),
    beforeExit: fn('beforeExit', options.beforeExit, () => {}),
  }
}

function refuse(what: string, value: unknown): never {
  throw new IpcError('invalid_argument', `closeOnSignals() ${what}; got ${show(value)}`)
}

function signalsOf(given: SignalOptions['signals'] = ['SIGTERM', 'SIGINT']): NodeJS.Signals[] {
  if (!isList(given)) return refuse("takes a list of signals, ['SIGTERM']", given)
  return given.map(checkSignal)
}

function checkSignal(name: NodeJS.Signals): NodeJS.Signals {
  if (name in constants.signals && name !== 'SIGKILL' && name !== 'SIGSTOP') return name
  return refuse('takes names of signals that can be handled', name)
}

/** To those that are of interest to a registration, and to no others. */
function listenToSignals(): void {
  const wanted = new Set([...registrations].flatMap(({ signals }) => signals))
  for (const signal of wanted) if (!listened.has(signal)) process.on(signal, onSignal)
  for (const signal of listened) if (!wanted.has(signal)) process.off(signal, onSignal)
  listened.clear()
  for (const signal of wanted) listened.add(signal)
}

function onSignal(signal: NodeJS.Signals): void {
  if (isEnding) process.exit(exitCodeOf(signal))
  isEnding = true
  void endProcess(signal)
}

function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

async function endProcess(signal: NodeJS.Signals): Promise<never> {
  const concerned = [...registrations].filter(({ signals }) => signals.includes(signal))
  let exitCode = concerned.find(registration => registration.exitCode !== undefined)?.exitCode ?? exitCodeOf(signal)
  await Promise.all(concerned.flatMap(({ services, grace }) => services.map(service => service.close({ grace }))))
  for (const { beforeExit } of concerned) {
    try {
      await beforeExit(signal)
    } catch (error) {
      log('ipcbridge: beforeExit of closeOnSignals() failed:', () => shownError(error))
      exitCode = 1
    }
  }
  process.exit(exitCode)
}
