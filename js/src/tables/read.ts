import { IpcError } from '../errors'
import { printed } from '../printed'
import { type ApacheArrow, apacheArrow } from './apache_arrow'
import { malformed } from './malformed'
import { plainTable } from './plain'
import { readStream } from './stream'
import type { Weigh } from './weight'

/** What a table is in the language that has sent it. One that is not known here is a table. */
const batch = 'batch'

/**
 * The table in these bytes, whose memory it keeps: as apache-arrow has it, or without that as an object of its columns, the weight of
 * whose values `weigh` takes, as that of its batches. Throws IpcError 'data_loss' for bytes that are no table.
 */
export function readTable(kind: string, bytes: Buffer, weigh: Weigh): object {
  const stream = readStream(bytes, weigh)
  if (kind === batch && stream.batches.length !== 1) throw malformed('a record batch that is several, or none')
  const arrow = apacheArrow()
  if (arrow !== undefined) return arrowTable(arrow, kind, bytes)
  return plainTable(stream, weigh)
}

function arrowTable(arrow: ApacheArrow, kind: string, { buffer, byteOffset, length }: Buffer): object {
  try {
    const table = arrow.tableFromIPC(new Uint8Array(buffer, byteOffset, length))
    return kind === batch ? (table.batches[0] as object) : table
  } catch (thrown) {
    const message = `a table that this version of apache-arrow cannot read, npm install apache-arrow@latest: ${printed(thrown)}`
    throw new IpcError('unimplemented', message, undefined, { cause: thrown })
  }
}
