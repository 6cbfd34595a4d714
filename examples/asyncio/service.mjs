// Something to wait for: an async function in Node.js. client.py calls it.
import { setTimeout as delay } from 'node:timers/promises'
import { context, serve } from 'ipcbridge'

await serve('weather', {
  async forecast(city, days = 1) {
    const { signal } = context()
    await delay(city === 'Nowhere' ? 60_000 : 20, undefined, { signal })
    return { city, days, sunny: city.length % 2 === 0 }
  },
})
console.log('serving weather')
