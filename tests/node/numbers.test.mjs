// What JavaScript has written out of the core's numbers and names, because it reads them for every message or names
// them in its types.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { codes } from 'ipcbridge'

const require = createRequire(import.meta.url)
const native = require('../../js/dist/native.js')
const { loadAddon } = require('../../js/dist/addon/load.js')
const { clientStates } = require('../../js/dist/client/client.js')
const { serverStates } = require('../../js/dist/serve/service.js')
const { numbers } = loadAddon().create()

test('what is read for every message has the numbers of the core', () => {
  const { attachedFrom, Column, Control, Flag, Kind, maxAttachments, oneStream, rowWords } = native
  assert.deepEqual({ ...Kind }, numbers.kind)
  assert.deepEqual({ ...Control }, numbers.control)
  assert.deepEqual({ ...Flag }, numbers.flag)
  assert.deepEqual({ ...Column }, numbers.column)
  assert.equal(rowWords, numbers.rowWords)
  assert.equal(oneStream, numbers.oneStream)
  assert.equal(attachedFrom, numbers.attachedFrom)
  assert.equal(maxAttachments, numbers.maxAttachments)
})

test('codes and states have the names and the order of the core', () => {
  assert.deepEqual([...codes], numbers.codes)
  assert.deepEqual([...clientStates], numbers.clientStates)
  assert.deepEqual([...serverStates], numbers.serverStates)
})
