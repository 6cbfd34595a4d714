// As index.mjs: the names come from the CommonJS build.

import './unbundled.mjs'

export * from './dist/testing/index.js'
export { default } from './dist/testing/index.js'
