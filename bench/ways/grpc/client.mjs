import { promisify } from 'node:util'
import grpc from '@grpc/grpc-js'
import { Bench } from '../../lib/grpc_service.mjs'

export async function connect(address) {
  const client = new Bench(address, grpc.credentials.createInsecure())
  await promisify(client.waitForReady.bind(client))(Date.now() + 5000)
  return {
    call: text =>
      new Promise((resolve, reject) => {
        client.Upper({ text }, (error, reply) => (error ? reject(error) : resolve(reply.text)))
      }),
    async *stream(count) {
      for await (const { number = 0 } of client.Numbers({ number: count })) yield number
    },
    close: () => client.close(),
  }
}
