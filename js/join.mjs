// Joins what `require('ipcbridge')` loads into one file, and what is loaded later into another: of a hundred files, most of the time
// would go by with opening them. Each file of js/dist that was joined hands on to its module there, so that whoever loads
// one gets the same. Run it after tsc.
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const dist = fileURLToPath(new URL('dist', import.meta.url))
const require = createRequire(import.meta.url)
/** Each file, and what loads all that is in it. Whatever is required within a function begins a late one. */
const eager = { file: 'library', entries: ['index'] }
const late = { file: 'library_late', entries: ['endpoints', 'addon/load'] }

/** Of a module's file its name, by which the joined files know it. */
const nameOf = path => relative(dist, resolve(path)).replace(/\.js$/, '')

/** What is not of this file stays a file of its own, which hands on. */
const without = names => ({
  name: 'without',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const name = nameOf(require.resolve(join(resolveDir, path)))
      return names.has(name) ? { path: `./${name}.js`, external: true } : undefined
    }),
})

/** Bundles these modules, and all that they load; gives the names of all. */
async function bundle(file, entries, others, options) {
  const members = entries.map(name => `get ${JSON.stringify(name)}() { return require("./${name}.js") }`)
  const { metafile } = await build({
    stdin: { contents: `module.exports = { ${members.join(',\n')} }`, resolveDir: dist, sourcefile: '<members>' },
    outfile: join(dist, `${file}.js`),
    bundle: true,
    metafile: true,
    platform: 'node',
    target: 'node16.9',
    packages: 'external',
    plugins: [without(new Set(others))],
    ...options,
  })
  return Object.keys(metafile.inputs)
    .filter(path => !path.endsWith('<members>'))
    .map(nameOf)
}

/** What an older Node.js can read, which cannot read the rest. */
function versionCheck() {
  const oldest = require('../package.json').engines.node.replace('>=', '')
  const [major, minor] = oldest.split('.')
  return `var version = process.versions.node.split(".").map(Number);
if (version[0] < ${major} || (version[0] === ${major} && version[1] < ${minor})) {
  throw new Error("ipcbridge needs Node.js ${oldest} or later, and this is Node.js " + process.versions.node);
}
`
}

/** The names stand there for Node.js, which looks for them in the text when an ES module imports it. */
function forward(name, file, names) {
  const path = relative(dirname(name), file)
  return `"use strict";
${name === 'index' ? versionCheck() : ''}module.exports = require(${JSON.stringify(path.startsWith('.') ? path : `./${path}`)})[${JSON.stringify(name)}];
0 && (module.exports = { ${names.join(', ')} });
`
}

const only = { write: false }
const first = await bundle(eager.file, eager.entries, late.entries, only)
if (first.includes(eager.file)) throw new Error('js/dist has been joined already: run tsc before')
const later = await bundle(late.file, late.entries, first, only)
const files = new Map([...first.map(name => [name, eager.file]), ...later.map(name => [name, late.file])])
const exported = [...files.keys()].map(name => [name, Object.keys(require(join(dist, `${name}.js`)))])
await bundle(eager.file, first, late.entries)
await bundle(late.file, later, first)
for (const [name, names] of exported) writeFileSync(join(dist, `${name}.js`), forward(name, files.get(name), names))
