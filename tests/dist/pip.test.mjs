// The Python packages, installed as a user does who has nothing but Python, and for the sdist a compiler.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findPython, sdist, wheels } from './support/packages.mjs'
import { installWheel, startStock } from './support/service.mjs'
import { User } from './support/user.mjs'

const require = createRequire(import.meta.url)
const { bought } = require('./programs/buy.cjs')
const buyer = fileURLToPath(new URL('programs/buyer.py', import.meta.url))

async function works(user, python) {
  const service = await startStock(user, python)
  const output = await user.run(user.home, python, buyer, service)
  assert.deepEqual(JSON.parse(output), { bought, found: 'axe,saw' })
  const { status, stdout, stderr } = await user.try(user.home, python, '-m', 'ipcbridge', 'doctor')
  assert.equal(status, 0, stdout + stderr)
}

test('the wheel in an empty environment, of an ordinary user without compiler, works', async t => {
  const user = new User(t, [])
  const python = await installWheel(user)
  await works(user, python)
  const { status, stdout, stderr } = await user.try(user.home, python, '-m', 'pip', 'check')
  assert.equal(status, 0, stdout + stderr)
})

test('the sdist needs nothing but a compiler', async t => {
  const names = ['g++', 'gcc', 'x86_64-linux-gnu-g++', 'x86_64-linux-gnu-gcc']
  const compiler = [...names, 'as', 'ld', 'ar', 'ranlib', 'nm', 'strip', 'sh', 'uname']
  const user = new User(t, compiler)
  const folder = user.project('venv')
  await user.run(folder, findPython().python, '-m', 'venv', folder)
  const python = `${folder}/bin/python`
  await user.run(folder, python, '-m', 'pip', 'install', '--no-cache-dir', '--disable-pip-version-check', sdist)
  await works(user, python)
})

const readMetadata = `
import email, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    message = email.message_from_bytes(wheel.read(name))
print(json.dumps({**{name: message.get_all(name) for name in message}, "readme": message.get_payload(decode=True).decode()}))
`

test('the metadata of the wheels say what they are for', async () => {
  const { version, license } = require('../../package.json')
  for (const wheel of wheels) {
    const metadata = JSON.parse(execFileSync('python3', ['-c', readMetadata, wheel], { encoding: 'utf8' }))
    assert.deepEqual(metadata.Version, [version])
    assert.deepEqual(metadata['License-Expression'], [license])
    assert.ok(metadata['License-File'].includes('LICENSE'))
    assert.deepEqual(metadata['Requires-Python'], ['>=3.9'])
    assert.deepEqual(metadata['Description-Content-Type'], ['text/markdown'])
    assert.match(metadata.readme, /^\s*# ipcbridge\n/)
    const [, major, minor] = /-cp(\d)(\d+)-/.exec(wheel)
    const classifiers = [`${major}.${minor}`, 'Implementation :: CPython'].map(
      name => `Programming Language :: Python :: ${name}`,
    )
    for (const wanted of [...classifiers, 'Typing :: Typed']) {
      assert.ok(metadata.Classifier.includes(wanted), `${wanted} is missing`)
    }
  }
})
