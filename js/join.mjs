// Joins what `require('ipcbridge')` loads into one file, and what is loaded later into another: of a hundred files, most of the time
// would go by with opening them. Each file of js/dist that was joined hands on to its module there, so that whoever loads
// one gets the same. Run it after tsc.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = fileURLToPath(new URL('dist', import.meta.url))
const require = createRequire(import.meta.url)
const [eager, late] = ['library', 'library_late']
const anyRequire = /\brequire\(["'](\.[^"']*)["']\)/g
const topRequire = /^(?:(?:const|var) \w+ = )?(?:\w+\()?require\("(\.[^"]*)"\)/gm

/** The module that another one asks for, by its path in js/dist. */
function resolved(from, specifier) {
  return relative(dist, require.resolve(join(dist, dirname(from), specifier))).replace(/\.js$/, '')
}

/** The text of each module that is loaded with this one; with `pattern` those, too, that it loads later. */
function reachable(name, pattern, texts = new Map()) {
  if (texts.has(name)) return texts
  const text = readFileSync(join(dist, `${name}.js`), 'utf8')
  texts.set(name, text)
  for (const [, specifier] of text.matchAll(pattern)) reachable(resolved(name, specifier), pattern, texts)
  return texts
}

/** In parentheses a function is compiled at once, as it is needed at once. */
function wrapped([name, text]) {
  const body = text.replace(anyRequire, (_, specifier) => `load(${JSON.stringify(resolved(name, specifier))})`)
  return `${JSON.stringify(name)}: (function (exports, __dirname) {\n${body}}),\n`
}

function library(texts) {
  return `"use strict";
const { dirname, join } = require("node:path");
const modules = {
${texts.map(wrapped).join('')}};
const loaded = new Map();
function load(name) {
  let exports = loaded.get(name);
  if (exports === undefined) {
    if (modules[name] === undefined) Object.assign(modules, require("./${late}")(load));
    exports = {};
    loaded.set(name, exports);
    modules[name](exports, dirname(join(__dirname, name)));
  }
  return exports;
}
module.exports = load;
`
}

function lateLibrary(texts) {
  return `"use strict";
module.exports = (load) => ({
${texts.map(wrapped).join('')}});
`
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
function forward(name, names) {
  const file = relative(dirname(name), eager)
  const path = JSON.stringify(file.startsWith('.') ? file : `./${file}`)
  return `"use strict";
${name === 'index' ? versionCheck() : ''}module.exports = require(${path})(${JSON.stringify(name)});
0 && (module.exports = { ${names.join(', ')} });
`
}

const atOnce = reachable('index', topRequire)
const all = reachable('index', anyRequire)
if (all.has(eager)) throw new Error('js/dist has been joined already: run tsc before')
const names = new Map([...all.keys()].map(name => [name, Object.keys(require(join(dist, `${name}.js`)))]))
writeFileSync(join(dist, `${eager}.js`), library([...atOnce]))
writeFileSync(join(dist, `${late}.js`), lateLibrary([...all].filter(([name]) => !atOnce.has(name))))
for (const name of all.keys()) writeFileSync(join(dist, `${name}.js`), forward(name, names.get(name)))
