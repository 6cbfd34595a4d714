import { IpcError } from '../errors'
import { isList } from '../options'
import { native } from '../runtime'
import { show } from '../shown'
import type { Method } from './exposure'

/**
 * Those of the methods that `expose` names: each name is a method's, or a namespace's, which means all that is in it. All of
 * them where it is undefined. What is left out does not exist for callers.
 */
export function narrowed(methods: readonly Method[], expose: readonly string[] | undefined): readonly Method[] {
  if (expose === undefined) return methods
  const wanted = checkNames(expose)
  const offered = new Set<string>()
  const kept = methods.filter(({ name }) => {
    const names = [name, ...namespacesOf(name)]
    for (const each of names) offered.add(each)
    return names.some(each => wanted.has(each))
  })
  for (const name of wanted) if (!offered.has(name)) refuseUnknown(name, [...offered])
  return kept
}

function checkNames(expose: unknown): Set<string> {
  if (!isList(expose)) {
    const remedy = typeof expose === 'string' ? `: write [${show(expose)}]` : `; got ${show(expose)}`
    return refuse(`expose is an array of the names of methods and namespaces${remedy}`)
  }
  if (expose.length === 0) refuse('expose is empty, so that nothing could be called: leave it out to serve everything')
  for (const name of expose) {
    if (typeof name !== 'string') refuse(`expose lists the names of methods and namespaces; got ${show(name)}`)
  }
  return new Set(expose as string[])
}

/** Of 'a.b.c' these are 'a.b' and 'a'. */
function namespacesOf(name: string): string[] {
  const namespaces: string[] = []
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    namespaces.push(name.slice(0, dot))
  }
  return namespaces
}

function refuseUnknown(name: string, offered: readonly string[]): never {
  const isPrivate = name.split('.').some(part => part.startsWith('_'))
  const hint = isPrivate ? ': names that begin with _ are never served' : native().didYouMean(name, offered)
  return refuse(`expose: there is no method or namespace ${show(name)} to serve${hint}`)
}

function refuse(message: string): never {
  throw new IpcError('invalid_argument', message)
}
