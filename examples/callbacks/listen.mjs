// Subscribes to the events of shop.mjs in another process.

import ipc from 'ipcbridge'

const shop = await ipc.connect('shop')
const listener = ipc.retain(({ item, count }) => console.log(`${count} x ${item}`))
await shop.on('order', listener)
await shop.order('tea', 2)
await shop.order('cake')
ipc.release(listener) // from now on the shop tells nobody here
await shop.order('coffee')
await ipc.close(shop)
