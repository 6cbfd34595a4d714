// The JavaScript of the pages of docs runs: that of callbacks.md as one program, and each block that begins with the name of a
// file as one of its own, which prints what stands behind each console.log().

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run } from './support/children.mjs'
import './support/names.mjs'

const usesUsing = Symbol.dispose !== undefined && Number(process.versions.node.split('.')[0]) >= 24

function programOf(page) {
  const text = readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code)
  const program = blocks.join('\n').replaceAll("import ipc from 'ipcbridge'\n", '')
  // Node.js 24 is the first that knows `using`.
  return usesUsing ? program : program.replaceAll(' using ', ' const ')
}

test('docs/callbacks.md', async t => {
  const end = 'for (const of of [trainer, worker]) await ipc.close(of); await server.close()'
  const { code, stdout, stderr } = await run(t, `${programOf('callbacks')}\n${end}`)
  assert.equal(code, 0, stderr)
  const lines = stdout.trimEnd().split('\n')
  assert.deepEqual(lines.slice(0, 4), ['epoch 1: 3', 'epoch 2: 1.5', 'epoch 3: 1', 'started'])
  assert.match(lines.at(-2), /^\[Remote process \d+\] unimplemented$/)
  assert.equal(lines.at(-1), '[Remote worker 1] reloaded')
})

const docs = new URL('../../docs/', import.meta.url)
// Those of the recipes do not end: tests/cross/test_docs_recipes.py runs them.
const pages = readdirSync(docs).filter(page => page !== 'recipes.md')
const programs = pages.flatMap(page =>
  [...readFileSync(new URL(page, docs), 'utf8').matchAll(/```js\n(\/\/ (\S+\.mjs)\n.*?)```/gs)].map(
    ([, code, name]) => ({
      page,
      name,
      code,
    }),
  ),
)

for (const { page, name, code } of programs) {
  test(`docs/${page}: ${name} prints what it says`, async t => {
    const folder = mkdtempSync(join(fileURLToPath(new URL('.', import.meta.url)), 'docs-')) // where ipcbridge is found
    t.after(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, name), code)
    const child = spawn(process.execPath, [name], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      printed += text
    })
    assert.deepEqual(await once(child, 'close'), [0, null])
    const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].flatMap(([, lines]) => lines.split(', '))
    assert.deepEqual(printed.trimEnd().split('\n'), expected)
  })
}
