import { types } from 'node:util'
import { IpcError } from '../errors'
import { printed } from '../printed'
import { type ElementType, maxElementSize } from './dtype'

const name = /^(datetime64|timedelta64|<M8|<m8)(?:\[([1-9]\d{0,9})?(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?$/
/** What stands for no time. */
const notATime = -(2n ** 63n)
/** Milliseconds, or for microseconds how many make one. */
const milliseconds: Readonly<Record<string, bigint>> = {
  W: 604_800_000n,
  D: 86_400_000n,
  h: 3_600_000n,
  m: 60_000n,
  s: 1000n,
  ms: 1n,
}
const lastDate = 8_640_000_000_000_000n

/** A dtype of moments or durations, by its name: 'datetime64[us]', 'timedelta64[25s]', 'datetime64'. Undefined when it is none. */
export function timeType(dtype: string): ElementType | undefined {
  const [found, kind = '', digits, unit] = name.exec(dtype) ?? []
  if (found === undefined) return undefined
  const count = digits === undefined ? 1 : Number(digits)
  if (digits !== undefined && (count < 2 || count > maxElementSize)) return undefined
  const isMoment = kind === 'datetime64' || kind === '<M8'
  const suffix = unit === undefined ? '' : `[${digits ?? ''}${unit}]`
  const shown = `${isMoment ? 'datetime64' : 'timedelta64'}${suffix}`
  const form = isMoment && unit !== undefined && hasDates(unit) ? moments(shown, BigInt(count), unit) : counts(shown)
  const wire = `${isMoment ? '<M8' : '<m8'}${suffix}`
  return { dtype: shown, wire, size: 8, store: BigInt64Array as never, width: 1, isPlain: false, ...form }
}

function hasDates(unit: string): boolean {
  return unit === 'Y' || unit === 'M' || unit === 'us' || unit in milliseconds
}

/** As BigInt, in the unit: durations, and moments that are finer than microseconds. */
function counts(dtype: string): Pick<ElementType, 'load' | 'save'> {
  return {
    load(view, at) {
      const count = view.getBigInt64(at, true)
      return count === notATime ? null : count
    },
    save(view, at, value) {
      const isCount = typeof value === 'bigint' || Number.isSafeInteger(value)
      if (!isCount && value !== null) throw wrong(dtype, 'a BigInt or null', value)
      view.setBigInt64(at, value === null ? notATime : BigInt(value as bigint | number), true)
    },
  }
}

/** As Date, which has milliseconds: what is finer is cut off, toward the past. */
function moments(dtype: string, count: bigint, unit: string): Pick<ElementType, 'load' | 'save'> {
  return {
    load(view, at) {
      const units = view.getBigInt64(at, true)
      if (units === notATime) return null
      const date = dateOf(units * count, unit)
      if (date === undefined) throw new IpcError('out_of_range', `a moment that no Date can hold: ${units} in ${dtype}`)
      return date
    },
    save(view, at, value) {
      if (!types.isDate(value) && value !== null) throw wrong(dtype, 'a Date or null', value)
      const time = value === null ? Number.NaN : value.getTime()
      view.setBigInt64(at, Number.isNaN(time) ? notATime : floorDivide(unitsOf(new Date(time), unit), count), true)
    },
  }
}

function dateOf(units: bigint, unit: string): Date | undefined {
  if (unit === 'Y' || unit === 'M') {
    const months = unit === 'Y' ? 12n * units : units
    if (months < -lastDate || months > lastDate) return undefined
    const date = new Date(0)
    date.setUTCFullYear(1970, Number(months))
    return Number.isNaN(date.getTime()) ? undefined : date
  }
  const time = unit === 'us' ? floorDivide(units, 1000n) : units * (milliseconds[unit] as bigint)
  return time < -lastDate || time > lastDate ? undefined : new Date(Number(time))
}

/** How many whole ones of the unit have passed. */
function unitsOf(date: Date, unit: string): bigint {
  const years = date.getUTCFullYear() - 1970
  if (unit === 'Y') return BigInt(years)
  if (unit === 'M') return BigInt(12 * years + date.getUTCMonth())
  const time = BigInt(date.getTime())
  return unit === 'us' ? 1000n * time : floorDivide(time, milliseconds[unit] as bigint)
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

function wrong(dtype: string, what: string, value: unknown): IpcError {
  return new IpcError('invalid_argument', `an element of a ${dtype} array is ${what}, not ${printed(value)}`)
}
