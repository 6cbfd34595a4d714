import { IpcError } from '../errors'

/** V8 looks at so many earlier keys for each that a Set or Map takes; on average, where they spread, at one or two. */
const maxLooks = 32
/** So few keys cost little, however they collide. */
const few = 256
const double = new Float64Array(1)
const bits = new Uint32Array(double.buffer)
const highWord = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

/**
 * Throws IpcError 'resource_exhausted' for numbers that were chosen to fall into a few buckets of a Set or Map, which
 * would take a time quadratic in their count. The keys are every `step`th of `items`.
 *
 * Only numbers and BigInts can be chosen: V8 seeds its hashes of strings, and gives objects random ones.
 */
export function expectSpread(items: readonly unknown[], step: 1 | 2): void {
  if (items.length <= few * step) return
  const hashes = new Uint32Array(items.length / step)
  let count = 0
  for (let index = 0; index < items.length; index += step) {
    const key = items[index]
    if (typeof key === 'number') hashes[count++] = hashOfNumber(key)
    else if (typeof key === 'bigint') hashes[count++] = hashOfBigInt(key)
  }
  if (looks(hashes, count) > maxLooks * count) {
    throw new IpcError('resource_exhausted', 'a Set or Map with too many numbers whose hashes collide')
  }
}

/** At how many keys V8 looks in all; its tables have buckets for half of the keys that they take before they double. */
function looks(hashes: Uint32Array, count: number): number {
  let sum = 0
  for (let buckets = few / 2; buckets < count; buckets *= 2) {
    const filled = new Uint32Array(buckets)
    const end = Math.min(count, 2 * buckets)
    for (let index = 0; index < end; index++) {
      const bucket = (hashes[index] as number) & (buckets - 1)
      if (index >= buckets) sum += filled[bucket] as number
      ;(filled[bucket] as number)++
    }
  }
  return sum
}

// The hashes are V8's own: ComputeUnseededHash and ComputeLongHash. Were it to change them, keys could again be chosen
// that this does not see; none would be refused in error, for what they count is spread all the same.

function hashOfNumber(value: number): number {
  if ((value | 0) === value) return hash32(value)
  double[0] = value
  return hash64(bits[highWord] as number, bits[1 - highWord] as number)
}

/** V8 hashes the low 64 bits of the magnitude. */
function hashOfBigInt(value: bigint): number {
  const magnitude = BigInt.asUintN(64, value < 0n ? -value : value)
  return hash64(Number(magnitude >> 32n), Number(magnitude & 0xffff_ffffn))
}

function hash32(key: number): number {
  let hash = (~key + (key << 15)) | 0
  hash ^= hash >>> 12
  hash = (hash + (hash << 2)) | 0
  hash ^= hash >>> 4
  hash = Math.imul(hash, 2057)
  return hash ^ (hash >>> 16)
}

let high = 0
let low = 0

function hash64(upper: number, lower: number): number {
  high = ~upper
  low = ~lower
  add((upper << 18) | (lower >>> 14), lower << 18)
  mix(31)
  const [h, l] = [high, low]
  add((h << 2) | (l >>> 30), l << 2)
  add((h << 4) | (l >>> 28), l << 4)
  mix(11)
  add((high << 6) | (low >>> 26), low << 6)
  mix(22)
  return low
}

/** Adds a number of 64 bits to high and low. */
function add(upper: number, lower: number): void {
  const sum = (low >>> 0) + (lower >>> 0)
  low = sum | 0
  high = (high + upper + (sum > 0xffff_ffff ? 1 : 0)) | 0
}

/** Combines high and low with themselves, shifted to the right. */
function mix(shift: number): void {
  low ^= (low >>> shift) | (high << (32 - shift))
  high ^= high >>> shift
}
