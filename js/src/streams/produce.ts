import { discardSource, openSource } from '../values'
import { AsyncProducer } from './async_producer'
import { keyBehind, type StreamKey } from './open_streams'
import { type Cleaner, type Host, type Producer, settle } from './producer'
import { SyncProducer } from './sync_producer'

/** Sends what is streamed, the first of which has this key. So many items of each may be sent, as far as is known. */
export function produce(first: StreamKey, sources: readonly object[], host: Host, room = 0): void {
  const producers = sources.map((source, place) => makeProducer(keyBehind(first, place), source, host))
  for (const producer of producers) producer.start(room) // when all are known: the first may already be cancelled by the last
}

function makeProducer(key: StreamKey, source: object, host: Host): Producer {
  try {
    const { iterator, isAsync } = host.run(() => openSource(source))
    return isAsync ? new AsyncProducer(key, iterator, host) : new SyncProducer(key, iterator as Iterator<unknown>, host)
  } catch (error) {
    return new SyncProducer(key, throwing(error), host)
  }
}

function throwing(error: unknown): Iterator<unknown> {
  return {
    next() {
      throw error
    },
  }
}

/** Ends what was to be streamed and will not be. */
export function discard(sources: readonly object[], host: Cleaner): void {
  for (const source of sources) settle(() => discardSource(source), host)
}
