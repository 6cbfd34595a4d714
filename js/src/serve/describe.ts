import type { Method } from './exposure'

/** The method by which every service describes itself. */
export const describeCall = '__describe__'

/** A parameter, as `describe` tells of it. */
export interface ParameterDescription {
  /** '' where it has none: destructured, or `**` of a destructured one. */
  name: string
  /** Whether it has no default. A JavaScript function may be called without it all the same. */
  required: boolean
  kind: 'positional' | 'keyword' | 'rest' | 'kwrest'
  annotation?: string
}

export interface MethodDescription {
  /** As in the source, such as `(a, b = 0)`. */
  signature: string
  /** The docstring; null of a function without, and of every JavaScript function. */
  doc: string | null
  params: ParameterDescription[]
  /** Whether it is declared `async`. */
  async: boolean
}

/** What `describe` resolves to. */
export interface Description {
  /** The address that the service was served under. */
  service: string
  /** By their dotted names. */
  methods: Record<string, MethodDescription>
}

export function describeMethods(methods: readonly Method[]): Record<string, MethodDescription> {
  return Object.fromEntries(methods.map(method => [method.name, describeMethod(method)]))
}

function describeMethod({ fn, signature }: Method): MethodDescription {
  const { text, parameters } = signature()
  return {
    signature: text,
    doc: null,
    params: parameters.flatMap(({ name, required, rest, keys, open }): ParameterDescription[] => {
      if (keys === undefined) return [{ name: name ?? '', required, kind: rest ? 'rest' : 'positional' }]
      const named = keys.map(key => ({ name: key, required: false, kind: 'keyword' as const }))
      return open === true ? [...named, { name: '', required: false, kind: 'kwrest' }] : named
    }),
    async: Object.prototype.toString.call(fn) === '[object AsyncFunction]',
  }
}
