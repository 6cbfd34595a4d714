import { types } from 'node:util'
import { IpcError } from '../errors'
import { printed } from '../printed'
import { type ElementType, maxElementSize } from './dtype'

const name = /^(?:<U|\|S|\|V)([1-9]\d{0,9})$/

/** A dtype of text or bytes of one length, by its name: '<U5', '|S5', '|V5'. Undefined when it is none. */
export function textType(dtype: string): ElementType | undefined {
  const digits = name.exec(dtype)?.[1]
  if (digits === undefined) return undefined
  const length = Number(digits)
  const size = dtype.startsWith('<U') ? 4 * length : length
  if (size > maxElementSize) return undefined
  const form = dtype.startsWith('<U') ? text(dtype, length) : bytes(dtype, length)
  return { dtype, wire: dtype, size, store: Uint8Array, width: size, isPlain: false, ...form }
}

/** Characters of four bytes each, filled up with zeros. */
function text(dtype: string, length: number): Pick<ElementType, 'load' | 'save'> {
  return {
    load(view, at) {
      let found = ''
      let end = length
      while (end > 0 && view.getUint32(at + 4 * (end - 1), true) === 0) end--
      for (let index = 0; index < end; index++) {
        const character = view.getUint32(at + 4 * index, true)
        found += String.fromCodePoint(character <= 0x10_ffff ? character : 0xfffd)
      }
      return found
    },
    save(view, at, value) {
      const characters = typeof value === 'string' ? Array.from(value) : undefined
      if (characters === undefined || characters.length > length)
        throw wrong(dtype, `text of at most ${length} characters`, value)
      for (let index = 0; index < length; index++) {
        view.setUint32(at + 4 * index, characters[index]?.codePointAt(0) ?? 0, true)
      }
    },
  }
}

/** |S: filled up with zeros, which are no part of the value then. |V: as they are. */
function bytes(dtype: string, length: number): Pick<ElementType, 'load' | 'save'> {
  const isFilled = dtype.startsWith('|S')
  return {
    load(view, at) {
      const found = Buffer.from(new Uint8Array(view.buffer, view.byteOffset + at, length))
      let end = length
      while (isFilled && end > 0 && found[end - 1] === 0) end--
      return found.subarray(0, end)
    },
    save(view, at, value) {
      const given = typeof value === 'string' ? Buffer.from(value) : value
      const fits = types.isUint8Array(given) && (isFilled ? given.length <= length : given.length === length)
      if (!fits) throw wrong(dtype, `bytes, ${isFilled ? 'at most ' : ''}${length} of them`, value)
      const place = new Uint8Array(view.buffer, view.byteOffset + at, length)
      place.fill(0)
      place.set(given)
    },
  }
}

function wrong(dtype: string, what: string, value: unknown): IpcError {
  return new IpcError('invalid_argument', `an element of a ${dtype} array is ${what}, not ${printed(value)}`)
}
