/// <reference lib="esnext.disposable" preserve="true" />
import type { Client } from '../client/client'
import { handleOf } from '../client/remote'
import type { Remote } from '../client/remote_types'
import { IpcError, trimmed } from '../errors'
import { connect } from '../index'
import { Service } from '../serve/service'
import { uniqueName } from './names'
import type { PairOptions } from './pair'
import { type RecordedCall, recorded } from './recorder'

const callsOf = new WeakMap<Client, RecordedCall[]>()
/** Of a fake that nobody has any more, the service ends, too. */
const dropped = new FinalizationRegistry<Service>(service => void service.close({ grace: 0 }))

/**
 * A client of `target`, which is anything that `serve` takes; `calls` tells what it was asked. `answer(…)` makes methods of
 * canned answers. Everything passes through the real codec and protocol within this process: what cannot be sent is refused,
 * and an IpcError that a method throws arrives as a RemoteError with its code; none is logged. It does not keep the process alive, and ends
 * with `close`, `await using`, or when it is dropped. Rejects as `serve` does.
 */
export async function fake<T extends object>(
  target: T,
  options: PairOptions = {},
): Promise<Remote<T> & AsyncDisposable> {
  const calls: RecordedCall[] = []
  // The caller gets what a method throws, and is the one who is tested.
  const serveOptions = { onError: () => {}, ...options.serve }
  const service = trimmed(() => new Service(`inproc://${uniqueName()}`, recorded(target, calls), serveOptions))
  await service.listening()
  service.keepProcess(false)
  try {
    const remote = await connect<T>(service.address, options.connect)
    const { client } = handleOf(remote)
    callsOf.set(client, calls)
    client.whenClosed(() => void service.close({ grace: 0 }))
    dropped.register(client, service)
    return remote
  } catch (error) {
    await service.close({ grace: 0 })
    throw error
  }
}

/**
 * What a fake has been asked, the first call first; with `method`, a dotted name, only the calls of that. The array is a
 * copy, the arguments are those that the methods were given. Throws 'invalid_argument' for what `fake` has not made.
 */
export function calls(remote: object, method?: string): RecordedCall[] {
  const recordedCalls = trimmed(() => callsOf.get(handleOf(remote).client))
  if (recordedCalls === undefined) {
    throw new IpcError('invalid_argument', 'calls() takes what fake() returned: other clients record nothing')
  }
  return recordedCalls.filter(call => method === undefined || call.method === method)
}
