import { withoutOwnFrames } from '../errors'
import { boundedText } from '../printed'
import { read } from './error_names'

/** As JavaScript and Python begin the lines that tell of one; in a group of exceptions they stand behind bars. */
const frame = /^([ |]+)(File "|at )/

/** A remote stack whose frames tell their language; those that came from further away do so already. */
export function marked(stack: string): string {
  const mark = (line: string) =>
    line.replace(frame, (_, indent, start) => `${indent}[${start === 'at ' ? 'node' : 'python'}] ${start}`)
  return stack.split('\n').map(mark).join('\n')
}

/** With the stack that it came with below it, where it came from elsewhere. */
export function stackOf(thrown: unknown): string | undefined {
  const stack = read(thrown, 'stack')
  return typeof stack === 'string' ? boundedText(withoutOwnFrames(stack)) : undefined
}
