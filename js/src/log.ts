/** More than this is not left waiting for somebody to read stderr. */
const maxUnreadBytes = 1024 * 1024

let leftOut = 0

/**
 * Writes a line to console.error. Where nobody reads stderr, Node.js keeps what it cannot write in memory: beyond a bound
 * lines are left out, and the next one that is not says how many. `text`, which may take long to make, is asked only for
 * what is written.
 */
export function log(what: string, text?: () => string): void {
  if (unreadBytes() > maxUnreadBytes) {
    leftOut++
    return
  }
  const parts = text === undefined ? [what] : [what, text()]
  if (leftOut > 0) {
    print(`ipcbridge: ${leftOut} lines were left out here, because nobody read them`)
    leftOut = 0
  }
  print(...parts)
}

/** That stderr cannot be written to any more (EPIPE: nobody holds its other end) must not end a process that serves. */
function print(...parts: string[]): void {
  const ignore = () => {}
  try {
    process.stderr.on('error', ignore)
  } catch {
    return // no stderr that can be opened
  }
  // biome-ignore lint/suspicious/noConsole: where a library tells what nobody else will
  console.error(...parts)
  // Called when the lines before have been written, or before their failure is told.
  process.stderr.write('', () => setImmediate(() => process.stderr.off('error', ignore)).unref())
}

function unreadBytes(): number {
  try {
    return process.stderr.writableLength ?? 0
  } catch {
    return 0 // no stderr that can be opened
  }
}
