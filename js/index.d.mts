// The types of index.mjs: the same declarations as for `require`.

import library = require('./dist/index.js')

export * from './dist/index.js'
export default library
