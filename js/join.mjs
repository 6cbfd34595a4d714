// Joins what `require('ipcbridge')` loads into one file, and what is loaded later into another: of a hundred files, most of the time
// would go by with opening them. It joins the sources, as modules of one scope; of what tsc has made each would be a function of its
// own, which V8 reads twice. Each file of js/dist that was joined hands on to its module there, so that whoever loads one gets
// the same. Run it after tsc.
import { existsSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const source = fileURLToPath(new URL('src', import.meta.url))
const dist = fileURLToPath(new URL('dist', import.meta.url))
const require = createRequire(import.meta.url)
/** Each file, and what loads all that is in it. Whatever is required within a function begins a late one. */
const eager = { file: 'library', entries: ['index'] }
const late = { file: 'library_late', entries: ['endpoints', 'addon/load', 'tables/index'] }

/** Of a module's file its name, by which the joined files know it. */
const nameOf = path => relative(source, resolve(path)).replace(/\.ts$/, '')

/** What is not of this file stays a file of its own, which hands on. */
const without = names => ({
  name: 'without',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const file = join(resolveDir, path)
      const name = nameOf([`${file}.ts`, join(file, 'index.ts')].find(existsSync))
      return names.has(name) ? { path: `./${name}.js`, external: true } : undefined
    }),
})

/** Bundles these modules, and all that they load; gives the names of all. */
async function bundle(file, entries, others, options) {
  const members = entries.map(name => `export * as ${JSON.stringify(name)} from "./${name}"`)
  const { metafile } = await build({
    stdin: { contents: members.join('\n'), resolveDir: source, sourcefile: '<members>' },
    outfile: join(dist, `${file}.js`),
    bundle: true,
    metafile: true,
    format: 'cjs',
    platform: 'node',
    target: 'node16.9',
    packages: 'external',
    tsconfig: fileURLToPath(new URL('tsconfig.json', import.meta.url)),
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
  const module = `require(${JSON.stringify(path.startsWith('.') ? path : `./${path}`)})[${JSON.stringify(name)}]`
  const mark = '"__esModule", { value: true }'
  // Tests may put functions of their own into what users get.
  const exports =
    name === 'index'
      ? `${versionCheck()}module.exports = Object.assign(Object.defineProperty({}, ${mark}), ${module});`
      : `module.exports = Object.defineProperty(${module}, ${mark});`
  return `"use strict";\n${exports}\n0 && (module.exports = { ${names.join(', ')} });\n`
}

const only = { write: false }
const first = await bundle(eager.file, eager.entries, late.entries, only)
const later = await bundle(late.file, late.entries, first, only)
const files = new Map([...first.map(name => [name, eager.file]), ...later.map(name => [name, late.file])])
const exported = [...files.keys()].map(name => [name, Object.keys(require(join(dist, `${name}.js`)))])
await bundle(eager.file, first, late.entries)
await bundle(late.file, later, first)
for (const [name, names] of exported) writeFileSync(join(dist, `${name}.js`), forward(name, files.get(name), names))
