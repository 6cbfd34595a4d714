// A message of bytes; gRPC allows 4 MB unless told otherwise.
import { promisify } from 'node:util'
import grpc from '@grpc/grpc-js'
import { Bench } from '../../lib/grpc_service.mjs'

const unlimited = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }

export async function serve() {
  const server = new grpc.Server(unlimited)
  server.addService(Bench.service, {
    CountBytes: ({ request }, callback) => callback(null, { number: request.data.length }),
  })
  const bind = promisify(server.bindAsync.bind(server))
  return `127.0.0.1:${await bind('127.0.0.1:0', grpc.ServerCredentials.createInsecure())}`
}

export async function connect(address) {
  const client = new Bench(address, grpc.credentials.createInsecure(), unlimited)
  await promisify(client.waitForReady.bind(client))(Date.now() + 5000)
  return {
    countBytes: data =>
      new Promise((resolve, reject) => {
        client.CountBytes({ data }, (error, reply) => (error ? reject(error) : resolve(reply.number)))
      }),
    close: () => client.close(),
  }
}
