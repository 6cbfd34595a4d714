// The types of testing.mjs: the same declarations as for `require`.

import kit = require('./dist/testing/index.js')

export * from './dist/testing/index.js'
export default kit
