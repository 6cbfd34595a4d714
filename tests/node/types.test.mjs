import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

const options = [
  '--noEmit',
  '--strict',
  '--target',
  'ES2022',
  '--module',
  'Node16',
  '--types',
  'node',
  '--ignoreConfig',
]

function compile(...files) {
  const { status, stdout } = spawnSync('node_modules/.bin/tsc', [...options, ...files], { cwd: root, encoding: 'utf8' })
  assert.equal(status, 0, stdout)
}

test('a typed client has the methods and namespaces of its service, which take keyword arguments in place of the last', () => {
  compile('tests/node/types/remote.ts')
})

test('the test kit is typed', () => {
  compile('tests/node/types/testing.ts')
})

test('the TypeScript of docs/services.md compiles', t => {
  const snippets = readFileSync(`${root}docs/services.md`, 'utf8').matchAll(/```ts\n(.*?)```/gs)
  // Below the package, which then knows itself by its name; a module, for its top-level await.
  const folder = mkdtempSync(`${root}tests/node/types/docs-`)
  t.after(() => rmSync(folder, { recursive: true }))
  const files = [...snippets].map(([, code], index) => {
    const file = `${folder}/snippet${index}.mts`
    writeFileSync(file, code)
    return file
  })
  assert.ok(files.length > 0)
  compile(...files)
})
