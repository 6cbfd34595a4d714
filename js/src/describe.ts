import type { Method } from './exposure'

/** A parameter, as `describe` tells of it. */
export interface ParameterDescription {
  name: string
  required: boolean
  kind: 'positional' | 'keyword' | 'rest' | 'kwrest'
  annotation?: string
}

export interface MethodDescription {
  /** As in the source, such as `(a, b = 0)`. */
  signature: string
  doc: string | null
  params: ParameterDescription[]
  async: boolean
}

/** What `describe` resolves to. */
export interface Description {
  service: string
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
