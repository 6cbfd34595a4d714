import type { Elements, ElementType } from './dtype'
import type { Layout } from './slices'

/** Of an array: they fit together. */
export class Parts {
  constructor(
    readonly data: Elements,
    readonly type: ElementType,
    readonly layout: Layout,
  ) {}
}

/** The method of an array that gives its parts to this library. */
export const partsOf = Symbol('parts')
