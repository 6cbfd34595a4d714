/** MessagePack extension types; docs/values.md has their contents to the byte. */
export const extension = {
  timestamp: -1,
  map: 1,
  set: 2,
  bigInt: 3,
  localDateTime: 4,
  kwargs: 5,
  stream: 6,
  function: 7,
  object: 8,
  attached: 9,
  array: 10,
  table: 11,
} as const

/** How many arrays, objects, Maps and Sets may stand inside one another in one argument or result. */
export const maxDepth = 128

/**
 * How much one message may hold, whatever its bytes: arrays, objects, bytes and extensions count `heavy`, other values 1,
 * also keys.
 */
export const maxWeight = 2 ** 23
export const heavy = 4
/** Of each method of an object by reference: a function is made for it. */
export const methodWeight = 32

export function tooLarge(): string {
  return `more values than one message may hold: their weight is over ${maxWeight.toLocaleString('en-US')}`
}

const double = new Float64Array(1)
const bytes = new Uint8Array(double.buffer)
const bigEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0

/** The eight bytes of a double, most significant first, at `at`. */
export function writeDouble(target: Uint8Array, at: number, value: number): void {
  double[0] = value
  if (bigEndian) {
    target.set(bytes, at)
    return
  }
  target[at] = bytes[7] as number
  target[at + 1] = bytes[6] as number
  target[at + 2] = bytes[5] as number
  target[at + 3] = bytes[4] as number
  target[at + 4] = bytes[3] as number
  target[at + 5] = bytes[2] as number
  target[at + 6] = bytes[1] as number
  target[at + 7] = bytes[0] as number
}

export function readDouble(source: Uint8Array, at: number): number {
  for (let index = 0; index < 8; index++) bytes[bigEndian ? index : 7 - index] = source[at + index] as number
  return double[0] as number
}
