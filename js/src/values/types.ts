import { types } from 'node:util'
import { brand, isMarked, markInstances } from '../brand'
import { IpcError } from '../errors'
import { isPlainObject } from './plain'

/** A number that arrives as a float even when it is integral; made by `float`. */
export class Float {
  constructor(readonly value: number) {
    if (typeof value !== 'number') throw new IpcError('invalid_argument', `float() takes a number, not ${typeof value}`)
  }
}

/**
 * `float(2)` arrives in Python as 2.0, where the plain number 2 arrives as the int 2.
 *
 * Throws 'invalid_argument' for what is no number.
 */
export function float(value: number): Float {
  return new Float(value)
}

/** Keyword arguments, the last argument of a call; made by `kwargs`. */
export class Kwargs {
  constructor(readonly values: Record<string, unknown>) {
    if (!isPlainObject(values)) {
      throw new IpcError('invalid_argument', 'kwargs() takes a plain object: { name: value }')
    }
  }
}

/**
 * Keyword arguments: `calc.plot(kwargs({ title: 'x' }))` calls `plot(title='x')`. Must be the last argument.
 *
 * Throws 'invalid_argument' for what is no plain object.
 */
export function kwargs(values: Record<string, unknown>): Kwargs {
  return new Kwargs(values)
}

/** A wall-clock reading without a zone, Python's naive datetime; made by `localDateTime`. */
export class LocalDateTime {
  constructor(readonly date: Date) {
    if (!types.isDate(date)) throw new IpcError('invalid_argument', 'localDateTime() takes a Date')
  }
}

/**
 * `localDateTime(date)` arrives in Python as the naive datetime of the date's local fields, where a Date arrives as an
 * aware one.
 *
 * Throws 'invalid_argument' for what is no Date.
 */
export function localDateTime(date: Date): LocalDateTime {
  return new LocalDateTime(date)
}

const floatMark = brand('Float')
const kwargsMark = brand('Kwargs')
const localDateTimeMark = brand('LocalDateTime')
markInstances(Float, floatMark)
markInstances(Kwargs, kwargsMark)
markInstances(LocalDateTime, localDateTimeMark)

// Of whatever copy of this library: a program may have called kwargs() of one and connect() of another.

export function isFloat(value: unknown): value is Float {
  return isMarked(value, floatMark)
}

export function isKwargs(value: unknown): value is Kwargs {
  return isMarked(value, kwargsMark)
}

export function isLocalDateTime(value: unknown): value is LocalDateTime {
  return isMarked(value, localDateTimeMark)
}
