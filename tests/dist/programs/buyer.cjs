const ipc = require('ipcbridge')
const { fake } = require('ipcbridge/testing')
const { buy } = require('./buy.cjs')

buy(ipc, process.argv[2]).then(bought => console.log(JSON.stringify({ bought, kit: typeof fake })))
