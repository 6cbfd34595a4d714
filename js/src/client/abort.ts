/**
 * Who wants to know when a signal is aborted. One listener a signal, however many calls share it: listeners by the
 * thousand cost a search each when they are removed, and Node.js takes more than ten for a leak.
 */
const watchers = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls `aborted` when the signal is; the function returned ends that. */
export function whenAborted(signal: AbortSignal, aborted: () => void): () => void {
  const watching = watchers.get(signal) ?? watch(signal)
  watching.add(aborted)
  return () => {
    watching.delete(aborted)
  }
}

function watch(signal: AbortSignal): Set<() => void> {
  const watching = new Set<() => void>()
  watchers.set(signal, watching)
  signal.addEventListener(
    'abort',
    () => {
      for (const aborted of watching) aborted()
    },
    { once: true },
  )
  return watching
}
