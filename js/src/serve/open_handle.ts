import { AsyncResource } from 'node:async_hooks'

/**
 * Shows tools such as Jest's `--detectOpenHandles` that a server keeps the process alive, and where it was served: they
 * hear of asynchronous resources alone, and of none of an addon's.
 */
export class OpenHandle extends AsyncResource {
  readonly #isActive: () => boolean

  constructor(isActive: () => boolean) {
    super('IPCBRIDGE_SERVER')
    this.#isActive = isActive
  }

  /** Asked for by its name, as of Node.js's own handles. */
  hasRef(): boolean {
    return this.#isActive()
  }
}
