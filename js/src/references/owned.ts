import { AsyncResource } from 'node:async_hooks'
import { checkHandle, handlers, type InboundCallOwner, keepAlive, letGo, native, servers } from '../runtime'
import type { DecodeOptions, Referenced } from '../values'

/** On whose behalf references are passed. */
export interface Passer {
  readonly decoding: DecodeOptions | undefined
}

/** A reference that the other side may call. */
export interface Owned {
  readonly referenced: Referenced
  /** The asynchronous context of where it was passed. */
  readonly scope: AsyncResource
  readonly decoding: DecodeOptions | undefined
  /** Kept in memory for as long as the reference is shared: a client that is collected closes its connection. */
  readonly passers: Set<Passer> | undefined
}

/** The numbers of what every object has besides its methods. */
export const getNumber = 0xffff_ffff
export const setNumber = 0xffff_fffe

/** Where calls of references arrive; set by what runs them. */
export const callee: { owner: InboundCallOwner | undefined } = { owner: undefined }

const owned = new Map<number, Owned>()
const scopes = new WeakMap<Referenced, AsyncResource>()
let isServing = false

export function ownedAt(id: number): Owned | undefined {
  return owned.get(id)
}

export function ownedCount(): number {
  return owned.size
}

/** The asynchronous context in which a retained one is called is that of where it was made, and not of where it is passed. */
export function keepScope(referenced: Referenced): void {
  scopes.set(referenced, makeScope())
}

function makeScope(): AsyncResource {
  return new AsyncResource('ipcbridge.callback')
}

/** A message is to be sent that passes these; their ids. */
export function pass(references: readonly Referenced[], passer: Passer): number[] {
  if (!isServing) serveReferences()
  return references.map(referenced => {
    const known = owned.get(referenced.id)
    if (known === undefined) own(referenced, passer)
    else known.passers?.add(passer)
    return referenced.id
  })
}

function serveReferences(): void {
  const server = checkHandle(native().serveReferences())
  servers.set(server, callee.owner as InboundCallOwner)
  isServing = true
}

function own(referenced: Referenced, passer: Passer): void {
  const { isRetained, id } = referenced
  const scope = scopes.get(referenced) ?? makeScope()
  owned.set(id, { referenced, scope, decoding: passer.decoding, passers: isRetained ? new Set([passer]) : undefined })
  if (isRetained) keepAlive() // until it is released
}

/** The call that passed these is over. */
export function endCall(references: readonly Referenced[]): void {
  for (const { id, isRetained } of references) if (!isRetained) owned.delete(id)
}

/** The message that passed these was not sent. */
export function takeBack(references: readonly Referenced[]): void {
  endCall(references)
  for (const { id, isRetained } of references) if (isRetained) disownUnshared(id)
}

function disownUnshared(id: number): void {
  if (owned.has(id) && !native().sharesReference(id)) disown(id)
}

function disown(id: number): void {
  if (owned.delete(id)) letGo()
}

/** Nobody is to call a retained one any more. */
export function end(referenced: Referenced): void {
  const { id } = referenced
  referenced.isReleased = true
  if (!owned.has(id)) return
  disown(id)
  native().forgetReference(id)
}

handlers.referenceReleased = disownUnshared
