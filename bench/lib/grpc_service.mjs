import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'

const path = fileURLToPath(new URL('../ways/grpc/bench.proto', import.meta.url))
export const { Bench } = grpc.loadPackageDefinition(protoLoader.loadSync(path)).bench
