// The names come from the CommonJS build, so there is one module state however it is loaded.

import './unbundled.mjs'

export * from './dist/index.js'
export { default } from './dist/index.js'
