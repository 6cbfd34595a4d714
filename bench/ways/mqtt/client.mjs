// mqtt.js, QoS 0; a reply topic of our own and an id in the payload.
import mqtt from 'mqtt'
import { PendingCalls } from '../../lib/envelope.mjs'

export async function connect(address) {
  const url = new URL(address)
  const prefix = url.pathname.slice(1)
  const name = `${process.pid}-${Math.random().toString(36).slice(2, 8)}`
  const client = await mqtt.connectAsync(`mqtt://${url.host}`, { protocolVersion: 4 })
  client.stream.setNoDelay?.(true)
  await client.subscribeAsync(`${prefix}/reply/${name}`)
  const pending = new PendingCalls()
  client.on('message', (_topic, payload) => pending.settle(payload.toString()))
  const topic = `${prefix}/call/${name}`
  const send = json => client.publish(topic, json)
  return {
    call: text => pending.start('upper', [text], send),
    close: () => client.endAsync(true),
  }
}
