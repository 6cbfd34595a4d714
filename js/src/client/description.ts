import type { Description, MethodDescription, ParameterDescription } from '../description'
import { IpcError } from '../errors'
import { isPlainObject } from '../values'

const kinds: ReadonlySet<unknown> = new Set(['positional', 'keyword', 'rest', 'kwrest'])

/** What a service says of itself. Throws 'data_loss' unless it is what `Description` promises. */
export function expectDescription(said: unknown): Description {
  if (isPlainObject(said) && typeof said.service === 'string' && isPlainObject(said.methods)) {
    const { service, methods } = said
    if (Object.values(methods).every(isMethod)) return { service, methods: methods as Description['methods'] }
  }
  throw new IpcError('data_loss', 'the service describes itself in a form that cannot be understood')
}

function isMethod(said: unknown): said is MethodDescription {
  if (!isPlainObject(said)) return false
  const { signature, doc, params, async } = said
  const isDoc = doc === null || typeof doc === 'string'
  return (
    typeof signature === 'string' &&
    isDoc &&
    typeof async === 'boolean' &&
    Array.isArray(params) &&
    params.every(isParameter)
  )
}

function isParameter(said: unknown): said is ParameterDescription {
  if (!isPlainObject(said)) return false
  const { name, required, kind, annotation } = said
  const isAnnotation = annotation === undefined || annotation === null || typeof annotation === 'string'
  return typeof name === 'string' && typeof required === 'boolean' && kinds.has(kind) && isAnnotation
}
