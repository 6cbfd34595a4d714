/** The value codec: docs/values.md in JavaScript. */
export type { NDArray } from '../arrays'
export { isNDArray } from '../arrays/parts'
export { type AttachedBuffers, attachedTo, attachTo } from './attached'
export { decode, decodeArgs, decodeEntries } from './decode'
export type { ArrivingReferences, CarriedStreams, DecodeOptions, Int64 } from './decoding'
export { Encoder } from './encoder'
export { decodeError } from './error_arrival'
export { messageOf } from './error_names'
export { codeOf, encodeError } from './error_payload'
export { ItemWriter, itemAt } from './items'
export { isClass, isPlainObject } from './plain'
export { type AnyFunction, type Attributes, Referenced, referencedBy, standFor } from './referenced'
export {
  discardSource,
  isAsyncSource,
  isStreamed,
  type OpenSource,
  openSource,
  type StreamSource,
  stream,
  streamMark,
} from './streamed'
export { Float, float, isKwargs, Kwargs, kwargs, LocalDateTime, localDateTime } from './types'
export type { Outgoing } from './writer'
