import { IpcError } from '../errors'
import { getNumber, setNumber } from '../references/owned'
import type { Arrived } from '../references/sides'
import { native } from '../runtime'
import { type Call, rejectedCall } from './call'
import type { Client } from './client'
import type { Settings } from './settings'

/** A reference of the other side's: what a stub of it calls. */
export class Received implements Arrived {
  times = 0
  isReleased = false

  constructor(
    /** Undefined: its connection had ended when it came. */
    private readonly client: Client | undefined,
    readonly connection: number,
    readonly id: number,
    /** Of an object its methods; undefined of a function. */
    readonly names: readonly string[] | undefined,
  ) {}

  get isRetained(): boolean {
    return this.id < 0
  }

  /** What is wrong with it; undefined: it may be called. */
  get state(): 'released' | 'gone' | undefined {
    if (this.isReleased) return 'released'
    return this.client === undefined || this.client.state.current === 'closed' ? 'gone' : undefined
  }

  nameOf(method: number): string {
    if (method === getNumber) return 'getAttribute'
    if (method === setNumber) return 'setAttribute'
    return this.names?.[method] ?? 'callback'
  }

  call(method: number, args: readonly unknown[], settings: Settings | undefined): Call<unknown> {
    const unusable = this.unusable(method)
    return unusable === undefined ? (this.client as Client).call(method, args, settings, this) : rejectedCall(unusable)
  }

  callBlocking(method: number, args: readonly unknown[], settings: Settings): unknown {
    const unusable = this.unusable(method)
    if (unusable !== undefined) throw unusable
    return (this.client as Client).callBlocking(method, args, settings, this)
  }

  notify(method: number, args: readonly unknown[], settings: Settings | undefined): boolean {
    const unusable = this.unusable(method)
    if (unusable !== undefined) throw unusable
    return (this.client as Client).notify(method, args, settings, this)
  }

  private unusable(method: number): IpcError | undefined {
    if (this.state === undefined) return undefined
    if (this.state === 'gone') {
      const why = 'could not be sent: the reference is gone with the connection that it came over'
      return new IpcError('unavailable', `${this.nameOf(method)}() ${why}`)
    }
    const message = 'the reference was released here: after ipc.release() it has to be passed anew'
    return new IpcError('failed_precondition', message)
  }

  release(): void {
    if (!this.isRetained || this.isReleased) return
    this.isReleased = true
    native().releaseReference(this.connection, this.id, this.times)
  }
}
