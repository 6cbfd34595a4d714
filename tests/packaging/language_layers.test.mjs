import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { layers, violations } from './language_layers.mjs'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** What is found in a copy of the layout that holds these files only. */
function violationsIn(t, root, files) {
  const folder = mkdtempSync(join(tmpdir(), 'layers-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return violations(folder, layers[root])
}

for (const [root, parts] of Object.entries(layers)) {
  test(`each part of ${root} imports only what its list says`, () => {
    assert.deepEqual(violations(join(project, root), parts), [])
  })

  test(`the lists of ${root} have no cycle`, () => {
    const above = []
    for (const [part, { may }] of Object.entries(parts)) {
      assert.deepEqual(
        may.filter(other => !above.includes(other)),
        [],
        part,
      )
      above.push(part)
    }
  })

  test(`the client and the serving side of ${root} know nothing of each other`, () => {
    const [client, serve] = ['client', 'serve'].map(name => (root.startsWith('python') ? `_${name}` : name))
    assert.ok(!parts[client].may.includes(serve) && !parts[serve].may.includes(client))
  })
}

test('an import that no list allows is found, however it is written', t => {
  const python = {
    '_client/a.py': 'from .._serve.server import Server\n',
    '_client/b.py': 'def f():\n    from .. import _native, _serve\n',
    '_options.py': 'from ._process import (\n    log,\n    threads,\n)\n',
    '_values/c.py': 'from ipcbridge._process.log import error\n',
    '_values/d.py': 'from ipcbridge import _serve\n',
    '_values/e.py': 'import os, ipcbridge._serve.server as server\n',
    '_values/f.py': 'from .. import (\n    _code,  # :)\n    _serve,\n)\n',
    'stray.py': '',
  }
  for (const [name, text] of Object.entries(python)) {
    assert.equal(violationsIn(t, 'python/ipcbridge', { [name]: text }).length, 1, name)
  }
  const js = {
    'client/a.ts': "import type { Service } from '../serve/service'\n",
    'client/b.ts': "export {\n  Service,\n} from '../serve/service'\n",
    'values/c.ts': "const later = () => import('../runtime')\n",
    'options.ts': "import './serve/service'\n",
    'native.ts': "const values = require('./values')\n",
    'odd/d.ts': '',
  }
  for (const [name, text] of Object.entries(js)) {
    assert.equal(violationsIn(t, 'js/src', { [name]: text }).length, 1, name)
  }
})

test('an import that a list allows is no violation', t => {
  const allowed = {
    '_client/a.py': 'from .. import _native\nfrom .._options import (\n    UNSET,\n)\nfrom . import b\nimport os\n',
  }
  assert.deepEqual(violationsIn(t, 'python/ipcbridge', allowed), [])
})

test('docs/architecture.md lists what each part may import', () => {
  const table = readFileSync(join(project, 'docs/architecture.md'), 'utf8')
  for (const [root, parts] of Object.entries(layers)) {
    for (const [part, { files, may }] of Object.entries(parts)) {
      const names = files ?? [part]
      const shown = (names.length > 1 ? `${part}: ` : '') + names.map(name => `\`${name}\``).join(', ')
      const row = `| \`${root}\` | ${shown} | ${may.join(', ') || 'nothing'} |`
      assert.ok(table.includes(row), `docs/architecture.md lacks the row ${row}`)
    }
  }
})
