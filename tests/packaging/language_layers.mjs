// What each part of the language layers may import: docs/architecture.md has the same lists.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * A part is a folder, or files of the root that belong together. It may import itself and those it lists, which stand above
 * it here: so there are no cycles.
 */
export const layers = {
  'python/ipcbridge': {
    base: {
      files: [
        '_native',
        '_elf',
        '_extension',
        '_unloadable',
        '_doctor',
        '_typing',
        '_suppress',
        '_code',
        '_errors',
        '_metadata',
        '_memory',
        '_middleware',
        '_registered',
        '_shown',
        '_streams',
        '_by_reference',
        '_tracebacks',
        '_unimplemented',
      ],
      may: [],
    },
    _values: { may: ['base'] },
    _process: { may: ['base'] },
    _options: { files: ['_options'], may: ['base', '_values'] },
    _client: { may: ['base', '_values', '_process', '_options'] },
    _serve: { may: ['base', '_values', '_process', '_options'] },
    _references: { may: ['base', '_values', '_process', '_options', '_client', '_serve'] },
    _verbs: { files: ['_verbs'], may: ['base', '_process', '_options', '_client', '_serve'] },
    aio: { may: ['base', '_values', '_process', '_options', '_client', '_serve', '_references', '_verbs'] },
    api: { files: ['__init__'], may: ['base', '_client', '_serve', '_references', '_verbs', 'aio'] }, // aio on demand
    testing: { may: ['base', '_process', '_options', '_client', '_serve', 'aio'] },
    __main__: { files: ['__main__'], may: ['base'] },
  },
  'js/src': {
    addon: { may: [] },
    base: {
      files: [
        'brand',
        'arrived',
        'registered',
        'call_context',
        'errors',
        'printed',
        'own_properties',
        'shown',
        'log',
        'unimplemented',
        'status',
        'description',
        'native',
      ],
      may: [],
    },
    arrays: { may: ['base'] },
    tables: { may: ['base', 'arrays'] },
    values: { may: ['base', 'arrays', 'tables'] },
    process: {
      files: ['runtime', 'kept_back', 'state', 'ended', 'metadata', 'current_call', 'chain'],
      may: ['addon', 'base', 'values'],
    },
    options: { files: ['options', 'middleware'], may: ['base', 'values'] },
    streams: { may: ['base', 'values', 'process'] },
    references: { may: ['base', 'values', 'process', 'streams'] },
    client: { may: ['base', 'values', 'process', 'options', 'streams', 'references'] },
    serve: { may: ['base', 'values', 'process', 'options', 'streams', 'references'] },
    api: {
      files: ['index', 'endpoints', 'offered', 'memory'],
      may: ['base', 'arrays', 'tables', 'values', 'process', 'options', 'streams', 'references', 'client', 'serve'],
    },
    testing: { may: ['base', 'process', 'options', 'client', 'serve', 'api'] },
    command: { may: ['addon', 'base'] },
  },
}

/** The imports below `root` that `parts` does not allow, a sentence for each. */
export function violations(root, parts) {
  const found = []
  const files = sources(root)
  const imports = importsOf(files, root)
  for (const file of files) {
    const from = partOf(relative(root, file), parts)
    if (from === undefined) {
      found.push(`${file} belongs to no part`)
      continue
    }
    for (const target of imports[file]) {
      const to = partOf(relative(root, target), parts)
      if (to !== from && !parts[from].may.includes(to))
        found.push(`${file}: ${from} may not import ${relative(root, target)}`)
    }
  }
  return found
}

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && /\.(ts|pyi?)$/.test(entry.name))
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
}

function partOf(path, parts) {
  const [first, ...rest] = path.split('/')
  const name = first.replace(/\.(ts|pyi?)$/, '')
  const isFolder = name === first && parts[name] !== undefined && parts[name].files === undefined
  if (isFolder || rest.length > 0) return isFolder ? name : undefined
  return Object.keys(parts).find(part => parts[part].files?.includes(name))
}

/** Of each file, what it imports below `root`. */
function importsOf(files, root) {
  const isTypescript = file => file.endsWith('.ts')
  const typescript = files.filter(isTypescript).map(file => [file, typescriptImports(file)])
  const python = pythonImports(
    files.filter(file => !isTypescript(file)),
    root,
  )
  return { ...Object.fromEntries(typescript), ...python }
}

function typescriptImports(file) {
  const text = readFileSync(file, 'utf8')
  const specifiers = text.matchAll(/(?:\bfrom|\bimport|\brequire|\bimport\()\s*\(?\s*'(\.[^']*)'/g)
  return [...specifiers].map(([, specifier]) => join(dirname(file), specifier))
}

/** Read by Python itself, the checkout's where it has one. */
function pythonImports(files, root) {
  if (files.length === 0) return {}
  const own = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url))
  const reader = fileURLToPath(new URL('python_imports.py', import.meta.url))
  return JSON.parse(execFileSync(existsSync(own) ? own : 'python3', [reader, root, ...files], { encoding: 'utf8' }))
}
