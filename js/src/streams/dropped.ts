import type { Items } from './stream'

interface Young {
  stream: object
  items: Items
}

const dropped = new FinalizationRegistry<Items>(items => items.cancel())

// As they were before a test replaced them by its own.
const { setTimeout, clearTimeout } = globalThis

/** To register a stream, and to clean up after it, takes longer than to read a short one, which needs neither. */
const youth = 100 // ms
const mostYoung = 64

let young: Young[] = []
let timer: NodeJS.Timeout | undefined

/** Has what nobody keeps cancelled, once it is older than the short ones. */
export function cancelWhenDropped(stream: object, items: Items): void {
  if (young.push({ stream, items }) === mostYoung) registerYoung()
  else timer ??= setTimeout(registerYoung, youth).unref()
}

function registerYoung(): void {
  if (timer !== undefined) clearTimeout(timer)
  timer = undefined
  for (const { stream, items } of young) if (!items.isSpent) dropped.register(stream, items)
  young = []
}
