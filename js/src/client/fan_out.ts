import { IpcError } from '../errors'
import { isList } from '../options'
import type { Handle } from './member'
import { handleOf } from './remote'

/** What has become of a call to one of several. */
export type FanOutResult<R, V> = { peer: R; value: V; error?: never } | { peer: R; value?: never; error: IpcError }

/** The methods of R, each of which is called of several at a time. */
export type FanOut<R> = {
  readonly [K in keyof R]: FanOutMember<R, R[K]>
}

type FanOutMember<R, M> = 0 extends 1 & M
  ? M
  : M extends (...args: infer A) => PromiseLike<infer V>
    ? (...args: A) => Promise<FanOutResult<R, V>[]>
    : M extends object
      ? { readonly [K in keyof M]: FanOutMember<R, M[K]> }
      : M

/**
 * The methods of several services, or of `server.peers`: each calls them all at a time, and gives what became of each, in the
 * order of the list, `{ peer, value }` or `{ peer, error }`. It rejects for nothing.
 *
 * Throws 'invalid_argument' when one of them is no service.
 */
export function fanOut<R extends object>(peers: readonly R[]): FanOut<R> {
  if (!isList(peers)) throw new IpcError('invalid_argument', 'fanOut() takes a list of services, such as server.peers')
  const handles = peers.map(peer => ({ peer, handle: handleOf(peer) }))
  return branch(handles, '') as FanOut<R>
}

interface Each {
  peer: object
  handle: Handle
}

/** What a path leads to: a method that can be called, and a namespace that leads on. */
function branch(all: readonly Each[], path: string): object {
  const call = (...args: unknown[]) => Promise.all(all.map(each => settle(each, path, args)))
  const known = new Map<string, object>()
  return new Proxy(call, {
    get(_target, name) {
      if (typeof name !== 'string' || name === 'then' || name === 'toJSON') return undefined
      let inner = known.get(name)
      if (inner === undefined) {
        inner = branch(all, path === '' ? name : `${path}.${name}`)
        known.set(name, inner)
      }
      return inner
    },
  })
}

async function settle({ peer, handle }: Each, path: string, args: readonly unknown[]): Promise<object> {
  const { client, settings, prefix } = handle
  try {
    return { peer, value: await client.callNamed(prefix === '' ? path : `${prefix}.${path}`, args, settings) }
  } catch (error) {
    return { peer, error }
  }
}
