// A child process with JSON lines on stdio: the chunks of a line are joined once it is whole.
let chunks = []
process.stdin.setEncoding('latin1') // quicker than UTF-8, and base64 has nothing else
process.stdin.on('data', chunk => {
  chunks.push(chunk)
  if (!chunk.endsWith('\n')) return
  const [id, , [text]] = JSON.parse(chunks.join(''))
  chunks = []
  process.stdout.write(`${JSON.stringify([id, Buffer.from(text, 'base64').length])}\n`)
})
