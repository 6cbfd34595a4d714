import library, * as ipc from 'ipcbridge'
import { fake } from 'ipcbridge/testing'
import { buy } from './buy.cjs'

if (library.connect !== ipc.connect) throw new Error('the default export is another library')
console.log(JSON.stringify({ bought: await buy(ipc, process.argv[2]), kit: typeof fake }))
