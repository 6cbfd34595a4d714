/** The value codec: docs/values.md in JavaScript. */
export { type DecodeOptions, decode, decodeArgs, type Int64 } from './decoder'
export { Encoder } from './encoder'
export { codeOf, decodeError, encodeError, messageOf } from './error_payload'
export { isClass, isPlainObject } from './plain'
export { Float, float, isKwargs, Kwargs, kwargs, LocalDateTime, localDateTime } from './types'
