// The JavaScript of a page of docs runs, as one program.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
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
