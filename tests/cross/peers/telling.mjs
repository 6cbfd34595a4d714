// Values and errors as JSON, for the harness to judge; telling.py tells the same of Python's.

import { NDArray } from 'ipcbridge'

export function tell(value) {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'bigint') return { int: String(value) }
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return { float: '-0.0' }
    return Number.isSafeInteger(value) ? value : { float: String(value) }
  }
  if (Buffer.isBuffer(value)) {
    if (value.length <= 1024) return { bytes: value.toString('hex') }
    return { length: value.length, sum: value.reduce((sum, byte) => sum + byte, 0) }
  }
  if (ArrayBuffer.isView(value)) return tellArray(new NDArray(value))
  if (value instanceof NDArray) return tellArray(value)
  if (Array.isArray(value)) return value.map(tell)
  if (value instanceof Set) return { set: ordered([...value].map(tell)) }
  if (value instanceof Date) return { instant: String(BigInt(value.getTime()) * 1_000_000n) }
  if (value instanceof Map) {
    const pairs = [...value]
    return entries(pairs.every(([key]) => typeof key === 'string') ? 'object' : 'map', pairs)
  }
  if (typeof value === 'object') return entries('object', Object.entries(value))
  throw new TypeError(`nothing that was expected: ${typeof value}`)
}

function tellArray(array) {
  const { dtype, shape, data } = array.copy()
  return { array: [dtype, shape, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')] }
}

function entries(kind, pairs) {
  return { [kind]: ordered(pairs.map(([key, item]) => [tell(key), tell(item)])) }
}

function ordered(items) {
  return items
    .map(item => [JSON.stringify(item), item])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, item]) => item)
}

export function tellError(error) {
  return {
    name: error.name,
    classes: [error.name],
    code: error.code ?? null,
    message: error.message,
    type: error.type ?? null,
    stack: error.remoteStack ?? null,
    sent: error.sent ?? null,
    details: tell(error.details ?? null),
    attributes: tell(error.attributes ?? {}),
    errors: (error.errors ?? []).map(tellError),
    ...(error.cause instanceof Error ? { cause: tellError(error.cause) } : undefined),
  }
}
