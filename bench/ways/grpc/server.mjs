import { once } from 'node:events'
import { promisify } from 'node:util'
import grpc from '@grpc/grpc-js'
import { Bench } from '../../lib/grpc_service.mjs'
import { handlers } from '../../lib/values.mjs'

export async function serve() {
  const server = new grpc.Server()
  server.addService(Bench.service, {
    Upper: ({ request }, callback) => callback(null, { text: handlers.upper(request.text) }),
    Numbers: async call => {
      for (let number = 0; number < call.request.number; number++) {
        if (!call.write({ number })) await once(call, 'drain')
      }
      call.end()
    },
  })
  const bind = promisify(server.bindAsync.bind(server))
  return `127.0.0.1:${await bind('127.0.0.1:0', grpc.ServerCredentials.createInsecure())}`
}
