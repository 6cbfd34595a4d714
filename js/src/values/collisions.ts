import { IpcError } from '../errors'

/** V8 looks at so many earlier keys for each that a Set or Map takes; on average, where they spread, at one or two. */
const maxProbes = 32
/** So few keys cost little, however they collide. */
const few = 256
const double = new Float64Array(1)
const bits = new Uint32Array(double.buffer)
const highWord = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

/**
 * How often V8 may look at earlier strings of digits for nothing, in one message: where their hashes are their numbers,
 * those that nobody has chosen (multiples of 4096) collide as well, and so many of them cost little.
 */
const maxDigitProbes = 2 ** 24

/** The first releases of Node.js that seed the hashes of digit strings (CVE-2026-21717), by their major version. */
const seededSince: Readonly<Record<number, [minor: number, patch: number]>> = {
  20: [20, 2],
  22: [22, 2],
  24: [14, 1],
  25: [8, 2],
}

/** Whether strings that are array indices, '0' to '4294967294', have hashes that anybody can work out. */
export function digitsCanBeChosen(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const since = seededSince[major]
  if (since === undefined) return major < 26
  return minor < since[0] || (minor === since[0] && patch < since[1])
}

/** Refuses keys that were chosen to fall into a few buckets of a Set or Map, which take a time quadratic in their count. */
export class CollisionGuard {
  private digitProbes = 0

  constructor(private readonly digits = digitsCanBeChosen(process.versions.node)) {}

  /** A new message begins. */
  begin(): void {
    this.digitProbes = 0
  }

  /**
   * Throws IpcError 'resource_exhausted' for such keys, which are every `step`th of `items`.
   *
   * Only numbers, BigInts and, in some versions, strings of digits can be chosen: V8 seeds its hashes of other strings, and
   * gives objects random ones.
   */
  expectSpread(items: readonly unknown[], step: 1 | 2): void {
    if (items.length <= few * step) return
    const hashes = new Uint32Array(items.length / step)
    let count = 0
    for (let index = 0; index < items.length; index += step) {
      const key = items[index]
      if (typeof key === 'number') hashes[count++] = hashOfNumber(key)
      else if (typeof key === 'bigint') hashes[count++] = hashOfBigInt(key)
    }
    if (probes(hashes, count) > maxProbes * count) {
      throw new IpcError('resource_exhausted', 'a Set or Map with too many numbers whose hashes collide')
    }
    if (this.digits) this.expectSpreadDigits(items, step, hashes)
  }

  private expectSpreadDigits(items: readonly unknown[], step: 1 | 2, hashes: Uint32Array): void {
    let count = 0
    for (let index = 0; index < items.length; index += step) {
      const key = items[index]
      if (typeof key === 'string' && isArrayIndex(key)) hashes[count++] = hashOfDigits(key)
    }
    this.digitProbes += Math.max(0, probes(hashes, count) - maxProbes * count)
    if (this.digitProbes > maxDigitProbes) {
      throw new IpcError('resource_exhausted', 'Sets or Maps with too many strings of digits whose hashes collide')
    }
  }
}

function isArrayIndex(key: string): boolean {
  return key.length <= 10 && /^(0|[1-9]\d*)$/.test(key) && Number(key) < 0xffff_ffff
}

/** At how many keys V8 looks in all; its tables have buckets for half of the keys that they take before they double. */
function probes(hashes: Uint32Array, count: number): number {
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

// The hashes are V8's own: MakeArrayIndexHash, ComputeUnseededHash and ComputeLongHash. Were it to change them, keys could again be chosen
// that this does not see; none would be refused in error, for what they count is spread all the same.

function hashOfDigits(key: string): number {
  return (key.length << 24) | Number(key)
}

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
