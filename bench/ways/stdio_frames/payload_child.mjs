// A child process that answers frames of bytes on stdio.
import { answerFrame, ByteFrameReader } from '../../lib/byte_frames.mjs'

const reader = new ByteFrameReader()
const answer = (kind, body) => answerFrame(process.stdout, kind, body)
process.stdin.on('data', chunk => reader.push(chunk, answer))
