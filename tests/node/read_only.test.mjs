// The package where nothing can be written, as in many containers.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { copyPackage } from './support/copies.mjs'
import { canMount, readOnly } from './support/loading.mjs'
import { freshName } from './support/names.mjs'

/** What that program does there, in a process of its own. */
function run(directory, ...args) {
  const [command, ...rest] = [...readOnly(directory), process.execPath, ...args]
  return spawnSync(command, rest, { encoding: 'utf8', cwd: '/' })
}

const unwritable = `
  const [file, name] = process.argv.slice(1)
  require('node:assert').throws(() => require('node:fs').writeFileSync(file + '/new', ''), { code: 'EROFS' })`

const works = `
  async function work(ipc) {
    const server = await ipc.serve(name, { add: (a, b) => a + b })
    const calc = await ipc.connect(name)
    console.log(await calc.add(2, 3))
    await ipc.close(calc)
    await server.close()
  }`

describe('a package on a read-only file system', { skip: !canMount && 'cannot mount' }, () => {
  const loads = {
    'required by CommonJS': 'work(require(file))',
    'imported by an ES module': "import(file + '/js/index.mjs').then(module => work(module.default))",
  }
  for (const [how, load] of Object.entries(loads)) {
    test(`works, ${how}`, t => {
      const directory = copyPackage(t)
      const { stdout, stderr } = run(directory, '-e', unwritable + works + load, directory, freshName())
      assert.deepEqual([stdout, stderr], ['5\n', ''])
    })
  }

  test('is well for the doctor', t => {
    const directory = copyPackage(t)
    const { status, stdout } = run(directory, join(directory, 'js/dist/command/main.js'), 'doctor')
    assert.equal(status, 0, stdout)
    assert.match(stdout, /^ok +native module /m)
  })
})
