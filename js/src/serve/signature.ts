import type * as Acorn from 'acorn'
import type { ArrowFunctionExpression, FunctionExpression, Pattern } from 'acorn'
import { IpcError } from '../errors'

type WrittenFunction = ArrowFunctionExpression | FunctionExpression

/** A parameter of an exposed function. */
export interface Parameter {
  /** Absent where it is destructured. */
  name?: string
  /** It has no default. Callers may leave it out all the same: it is undefined then. */
  required: boolean
  /** `...name`: takes all further positional arguments. */
  rest: boolean
  /** Destructured from an object: the keys, and whether `...others` takes what is left. */
  keys?: readonly string[]
  open?: boolean
}

export interface Signature {
  parameters: readonly Parameter[]
  /** As in the source: `(a, b = 0)`. */
  text: string
  /** How many positional arguments the function can see. */
  most: number
  /** False where nothing is known: a native or bound function. Then any number of arguments goes. */
  known: boolean
}

const opaque: Signature = { parameters: [], text: '(...)', most: Number.POSITIVE_INFINITY, known: false }
const cache = new WeakMap<object, Signature>()
const declared = new WeakMap<object, Signature>()

/** What the function's source says about its parameters. */
export function signatureOf(fn: object): Signature {
  let signature = declared.get(fn) ?? cache.get(fn)
  if (signature === undefined) {
    signature = read(fn)
    cache.set(fn, signature)
  }
  return signature
}

/** What is served in place of another function takes what that takes. */
export function shareSignature(fn: object, original: object): void {
  declared.set(fn, signatureOf(original))
}

/** Gives the names of a function's parameters where its source does not: `name`, `name?` and `...name`. */
export function declareParameters(fn: object, names: readonly string[]): void {
  if (!Array.isArray(names)) throw new IpcError('invalid_argument', 'params is an array of names')
  const parameters = names.map((written): Parameter => {
    const [, rest, name, optional] = /^(\.\.\.)?([\p{ID_Start}$_][\p{ID_Continue}$]*)(\?)?$/u.exec(written) ?? []
    if (name === undefined) {
      throw new IpcError('invalid_argument', `params are names, 'name?' or '...name'; got '${String(written)}'`)
    }
    return { name, required: rest === undefined && optional === undefined, rest: rest !== undefined }
  })
  declared.set(fn, summarize(parameters, `(${names.join(', ')})`))
}

function summarize(parameters: readonly Parameter[], text: string): Signature {
  return {
    parameters,
    text,
    most: parameters.some(parameter => parameter.rest) ? Number.POSITIVE_INFINITY : parameters.length,
    known: true,
  }
}

/**
 * Clients never need it, so it is not imported at the top. A server loads it when it begins: the first call that
 * needs it may come when there is no descriptor left to open its file with.
 */
export function loadParser(): typeof Acorn {
  return require('acorn') as typeof Acorn
}

function read(fn: object): Signature {
  const source = Function.prototype.toString.call(fn)
  if (/\{\s*\[native code\]\s*\}$/.test(source)) return opaque
  const { parse } = loadParser()
  // A method is no expression by itself, and everything else is no member of an object literal.
  for (const [before, after] of [
    ['(', ')'],
    ['({', '})'],
  ] as const) {
    const text = before + source + after
    let fn: WrittenFunction
    try {
      fn = functionIn(parse, text)
    } catch {
      continue
    }
    return signatureIn(fn, text)
  }
  return opaque
}

function functionIn(parse: typeof Acorn.parse, text: string): WrittenFunction {
  const program = parse(text, {
    ecmaVersion: 'latest',
    allowSuperOutsideMethod: true,
    allowAwaitOutsideFunction: true,
    checkPrivateFields: false,
  })
  const [statement] = program.body
  if (statement?.type !== 'ExpressionStatement') throw new SyntaxError('no expression')
  const { expression } = statement
  if (expression.type === 'ArrowFunctionExpression' || expression.type === 'FunctionExpression') return expression
  if (expression.type === 'ObjectExpression') {
    const [property] = expression.properties
    if (property?.type === 'Property' && property.value.type === 'FunctionExpression') return property.value
  }
  throw new SyntaxError('no function')
}

function signatureIn(fn: WrittenFunction, text: string): Signature {
  const first = fn.params[0]
  const last = fn.params[fn.params.length - 1]
  const written = first === undefined || last === undefined ? '' : text.slice(first.start, last.end)
  const signature = summarize(fn.params.map(parameterOf), `(${written.replace(/\s+/g, ' ')})`)
  // Who looks at `arguments`, or lets a string do so, may see any number of them.
  return /\b(arguments|eval)\b/.test(text) ? { ...signature, most: Number.POSITIVE_INFINITY } : signature
}

function parameterOf(pattern: Pattern): Parameter {
  switch (pattern.type) {
    case 'AssignmentPattern':
      return { ...parameterOf(pattern.left), required: false }
    case 'RestElement':
      return { ...parameterOf(pattern.argument), required: false, rest: true }
    case 'Identifier':
      return { name: pattern.name, required: true, rest: false }
    case 'ObjectPattern': {
      const keys: string[] = []
      let open = false
      for (const property of pattern.properties) {
        if (property.type === 'RestElement' || property.computed) open = true
        else if (property.key.type === 'Identifier') keys.push(property.key.name)
        else if (property.key.type === 'Literal') keys.push(String(property.key.value))
      }
      return { required: true, rest: false, keys, open }
    }
    default:
      return { required: true, rest: false }
  }
}
