// The server process: `node serve.mjs SERVER_MODULE ADDRESS`; reports the address it really listens on.
import { pathToFileURL } from 'node:url'
import { commands, report, reportError } from './report.mjs'

try {
  const { serve } = await import(pathToFileURL(process.argv[2]))
  const address = await serve(process.argv[3])
  report({ ready: true, address: address ?? process.argv[3] })
  for await (const _ of commands());
} catch (error) {
  reportError(error)
  process.exit(1)
}
