// mqtt.js, QoS 0: requests on PREFIX/call/CLIENT, replies on PREFIX/reply/CLIENT.
import mqtt from 'mqtt'
import { answer } from '../../lib/envelope.mjs'

export async function serve(address) {
  const { origin, prefix } = parse(address)
  const client = await mqtt.connectAsync(origin, { protocolVersion: 4 })
  client.stream.setNoDelay?.(true)
  const from = `${prefix}/call/`
  client.on('message', (topic, payload) => {
    client.publish(`${prefix}/reply/${topic.slice(from.length)}`, answer(payload.toString()))
  })
  await client.subscribeAsync(`${from}+`)
}

function parse(address) {
  const url = new URL(address)
  return { origin: `mqtt://${url.host}`, prefix: url.pathname.slice(1) }
}
