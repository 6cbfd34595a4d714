// The bytes as a payload of QoS 0 on PREFIX/call/CLIENT, their number on PREFIX/reply/CLIENT.
import mqtt from 'mqtt'

async function open(address) {
  const url = new URL(address)
  const client = await mqtt.connectAsync(`mqtt://${url.host}`, { protocolVersion: 4 })
  client.stream.setNoDelay?.(true)
  return { client, prefix: url.pathname.slice(1) }
}

export async function serve(address) {
  const { client, prefix } = await open(address)
  const from = `${prefix}/call/`
  client.on('message', (topic, payload) => {
    client.publish(`${prefix}/reply/${topic.slice(from.length)}`, String(payload.length))
  })
  await client.subscribeAsync(`${from}+`)
}

export async function connect(address) {
  const { client, prefix } = await open(address)
  const name = `${process.pid}-${Math.random().toString(36).slice(2, 8)}`
  await client.subscribeAsync(`${prefix}/reply/${name}`)
  let waiting = null
  client.on('message', (_topic, payload) => waiting.resolve(Number(payload.toString())))
  client.on('close', () => waiting?.reject(new Error('connection closed')))
  return {
    countBytes: data =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        client.publish(`${prefix}/call/${name}`, data)
      }),
    close: () => client.endAsync(true),
  }
}
