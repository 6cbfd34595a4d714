// A child process with JSON lines on stdio: answers all the lines of a chunk in one write.
import { answer } from '../../lib/envelope.mjs'

let rest = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', chunk => {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  if (lines.length) process.stdout.write(lines.map(line => `${answer(line)}\n`).join(''))
})
