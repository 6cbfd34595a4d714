// peer.py in JavaScript: the far side of test_cross.py. `args` are decoded and encoded as arguments, with Kwargs.
import { once } from 'node:events'
import { codec, decode, decodeArgs, encode, encodeArgs, IpcError } from './notation.mjs'

const again = {
  value: bytes => encode(decode(bytes)),
  args: bytes => encodeArgs(decodeArgs(bytes)),
  error: bytes => codec.encodeError(codec.decodeError(bytes, 0, bytes.length), { stack: false }),
}[process.argv[2]]

function answer(bytes) {
  try {
    return Buffer.concat([Buffer.from('v'), again(bytes)])
  } catch (error) {
    if (!(error instanceof IpcError)) throw error
    return Buffer.from(`e${error.code}`)
  }
}

let pending = Buffer.alloc(0)
for await (const chunk of process.stdin) {
  pending = Buffer.concat([pending, chunk])
  while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
    const end = 4 + pending.readUInt32BE()
    const body = answer(pending.subarray(4, end))
    pending = pending.subarray(end)
    const header = Buffer.alloc(4)
    header.writeUInt32BE(body.length)
    if (!process.stdout.write(Buffer.concat([header, body]))) await once(process.stdout, 'drain')
  }
}
