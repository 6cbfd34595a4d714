import type { MethodDescription, ParameterDescription } from '../description'
import type { Method } from './exposure'

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
