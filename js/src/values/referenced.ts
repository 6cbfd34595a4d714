/** Any function, called by Reflect.apply only. */
// biome-ignore lint/complexity/noBannedTypes: the user's functions have no type in common
export type AnyFunction = Function

/** How the properties of an object are asked for, where that object is another side's. */
export interface Attributes {
  get(name: unknown): unknown
  set(name: unknown, value: unknown): unknown
}

/** Counted up and never used again; of retained ones it is below zero. */
let newest = 0

/** A function or an object of this side's that the other side may call: docs/protocol.md, "References". */
export class Referenced {
  readonly id: number
  /** Nobody is to call it any more, nor to pass it. */
  isReleased = false

  constructor(
    readonly target: object,
    /** It outlives the call that it is passed with. */
    readonly isRetained: boolean,
    /** Of an object its methods, whose numbers are their places; undefined of a function. */
    readonly names?: readonly string[],
    readonly attributes?: Attributes,
  ) {
    newest++
    this.id = isRetained ? -newest : newest
  }
}

/** What stands for a retained function, or for an object, wherever it is passed. */
const retained = new WeakMap<object, Referenced>()

/** From now on `stand` travels as this. */
export function standFor(stand: object, referenced: Referenced): void {
  retained.set(stand, referenced)
}

/** What a value travels as, where that is a retained reference. */
export function referencedBy(value: object): Referenced | undefined {
  return retained.get(value)
}
