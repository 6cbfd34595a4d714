// Streams both ways: lines go to Python (words.py) as they are read, and come back as they are found.
//   python examples/pipeline/words.py &
//   node examples/pipeline/grep.mjs '\bstreams?\b' < docs/streams.md
import { createInterface } from 'node:readline'
import { close, connect, stream } from 'ipcbridge'

const words = await connect('words')
const lines = createInterface({ input: process.stdin })
for await (const { number, line, match } of words.found(stream(lines), process.argv[2] ?? '.')) {
  console.log(`${number}: ${line.replace(match, `[${match}]`)}`)
}
await close(words)
