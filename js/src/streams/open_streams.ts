import { Column, Kind, wideNumber } from '../native'
import { handlers, table } from '../runtime'

/** By which both sides of the binding know a stream: bindings/node/streams.cpp. */
export interface StreamKey {
  readonly connection: number
  readonly id: number
}

/** This side's end of a stream. */
export interface StreamEnd {
  readonly key: StreamKey
  onRoom?(): void
  onCancel?(): void
  onItems?(event: number, bytes: Buffer): void
  onEnd?(event: number, bytes: Buffer): void
  /** A message came that could not be taken over. */
  onLost?(error: unknown): void
}

/** Of each connection, those that have not ended, by their ids. */
const open = new Map<number, Map<number, StreamEnd>>()

/** One that has none now is kept all the same: it is likely to have the next. */
let idle: number | undefined

export function addStream(end: StreamEnd): void {
  const { connection, id } = end.key
  let known = open.get(connection)
  if (known === undefined) {
    known = new Map()
    open.set(connection, known)
  }
  known.set(id, end)
}

export function removeStream({ connection, id }: StreamKey): void {
  const known = open.get(connection)
  if (!known?.delete(id) || known.size > 0 || connection === idle) return
  if (idle !== undefined && open.get(idle)?.size === 0) open.delete(idle)
  idle = connection
}

/** All that have not ended. */
export function* openStreams(): Generator<StreamEnd> {
  for (const known of open.values()) yield* known.values()
}

/** The key in an event: of the stream, or of the first of several. */
export function keyAt(event: number): StreamKey {
  return { connection: connectionAt(event), id: idAt(event) }
}

/** That of the stream so many places behind. */
export function keyBehind({ connection, id }: StreamKey, places: number): StreamKey {
  return { connection, id: id < 0 ? id - places : id + places }
}

/** How many places a stream is behind another of its connection; below zero: before it. Ids below zero count down. */
export function placeBehind(first: StreamKey, id: number): number {
  return first.id < 0 ? first.id - id : id - first.id
}

/** Over which a message came. */
export function connectionAt(event: number): number {
  return wideNumber(table[event + Column.connectionHigh] as number, table[event + Column.connectionLow] as number)
}

function idAt(event: number): number {
  return wideNumber(table[event + Column.streamHigh] as number, table[event + Column.streamLow] as number)
}

function endAt(event: number): StreamEnd | undefined {
  return open.get(connectionAt(event))?.get(idAt(event))
}

handlers.stream = (event, bytes) => {
  const end = endAt(event)
  if (end === undefined) return // it was left before
  switch (table[event]) {
    case Kind.streamItems:
      end.onItems?.(event, bytes)
      break
    case Kind.streamEnd:
      end.onEnd?.(event, bytes)
      break
    case Kind.streamRoom:
      end.onRoom?.()
      break
    case Kind.streamCancel:
      end.onCancel?.()
      break
  }
}

handlers.streamLost = (event, error) => {
  endAt(event)?.onLost?.(error)
}
