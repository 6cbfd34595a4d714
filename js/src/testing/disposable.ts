/// <reference lib="esnext.disposable" preserve="true" />

/** The same object, for `await using` where the runtime knows of it. */
export function disposable<T extends { close(): Promise<void> }>(opened: T): T & AsyncDisposable {
  const { asyncDispose } = Symbol as { asyncDispose?: symbol }
  if (asyncDispose !== undefined) Object.defineProperty(opened, asyncDispose, { value: () => opened.close() })
  return opened as T & AsyncDisposable
}
