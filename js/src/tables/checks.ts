import { malformed } from './malformed'

/** What the numbers in buffers must be, so that each leads to a value that is there. */

const bitsSet = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replace(/0/g, '').length)

export function isValid(validity: Uint8Array | undefined, index: number): boolean {
  return validity === undefined || (((validity[index >>> 3] as number) >> (index & 7)) & 1) !== 0
}

export function countNulls(validity: Uint8Array, length: number): number {
  let valid = 0
  const whole = Math.floor(length / 8)
  for (let index = 0; index < whole; index++) valid += bitsSet[validity[index] as number] as number
  const rest = length % 8
  if (rest > 0) valid += bitsSet[(validity[whole] as number) & ((1 << rest) - 1)] as number
  return length - valid
}

/** Of variable sizes and lists: each begins where the one before it ends. */
export function checkOffsets(offsets: ArrayLike<number>, end: number): void {
  let last = 0
  for (let index = 0; index < offsets.length; index++) {
    const offset = offsets[index] as number
    if (offset < last) throw malformed('offsets that decrease')
    last = offset
  }
  if (last > end) throw malformed('offsets beyond what they lead to')
}

export function checkIndices(
  indices: ArrayLike<number | bigint>,
  validity: Uint8Array | undefined,
  count: number,
): void {
  for (let index = 0; index < indices.length; index++) {
    const place = indices[index] as number | bigint
    if ((place < 0 || place >= count) && isValid(validity, index)) throw malformed('a place beyond its dictionary')
  }
}

/** `childOf` tells for each type the place of its child; `offsets` are those of a dense union. */
export function checkUnion(
  types: Uint8Array,
  childOf: ArrayLike<number>,
  offsets: ArrayLike<number> | undefined,
  lengths: readonly number[],
): void {
  for (let index = 0; index < types.length; index++) {
    const child = childOf[types[index] as number] as number
    if (child < 0) throw malformed('a value of none of the types of its union')
    const offset = offsets === undefined ? 0 : (offsets[index] as number)
    if (offsets !== undefined && (offset < 0 || offset >= (lengths[child] as number))) {
      throw malformed('a value of a union that is not there')
    }
  }
}
