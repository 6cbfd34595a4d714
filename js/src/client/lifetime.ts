import { clients, native, type Owner } from '../runtime'

/** Clients that somebody listens to, or waits for: they stay, though nobody may hold their proxy. */
const kept = new Set<object>()

/** What the native side tells of a client reaches it through this, which does not keep it in memory. */
class WeakOwner implements Owner {
  private readonly owner: WeakRef<Owner>

  constructor(owner: Owner) {
    this.owner = new WeakRef(owner)
  }

  get client(): Owner | undefined {
    return this.owner.deref()
  }

  onState(state: number, code: number, message: string): void {
    this.owner.deref()?.onState(state, code, message)
  }
}

const collected = new FinalizationRegistry<number>(closeCollected)
const laterLook = 1000
/** What a connection takes outside of the JavaScript heap, for the collector to know that dropped clients are worth its work. */
const clientBytes = 128 * 1024

/** From now on the client hears of its state, and is closed when it has been collected. */
export function registerClient(client: Owner, id: number): void {
  clients.set(id, new WeakOwner(client))
  native().adjustExternalMemory(clientBytes)
  collected.register(client, id, client)
}

/** The client that has connected under this number; undefined when it has been collected. */
export function clientAt(id: number): Owner | undefined {
  const owner = clients.get(id)
  return owner instanceof WeakOwner ? owner.client : owner
}

/** Whether the client is to stay although nobody may hold it. */
export function keepClient(client: Owner, keep: boolean): void {
  if (keep) kept.add(client)
  else kept.delete(client)
}

/** The client has been closed. */
export function unregisterClient(client: Owner, id: number): void {
  collected.unregister(client)
  kept.delete(client)
  forget(id)
}

function forget(id: number): void {
  if (clients.delete(id)) native().adjustExternalMemory(-clientBytes)
}

function closeCollected(id: number): void {
  // Notifications that wait to be sent are all that a client has to do whom nobody awaits.
  if (native().clientStatus(id, []).queuedCalls > 0) {
    setTimeout(closeCollected, laterLook, id).unref()
    return
  }
  forget(id)
  native().closeClient(id)
}
