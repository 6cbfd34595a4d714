import { types } from 'node:util'
import { contentsOf } from '../arrays/copies'
import type { ArrayData, ElementType } from '../arrays/dtype'
import { partsOfAny } from '../arrays/ndarray'
import type { Parts, Shown } from '../arrays/parts'
import { bytesOfElements, isElements, typeOfElements } from '../arrays/typed'
import { isIpcError } from '../errors'
import { Refused } from './refused'
import { extension } from './wire'
import { noMemory, Writer } from './writer'

type WireField = readonly [name: string, dtype: string | readonly unknown[], shape?: readonly number[]]

/** Writes arrays: [dtype, shape, data]. */
export abstract class ArrayWriter extends Writer {
  /** A typed array, or a DataView, which is its bytes. */
  protected view(view: ArrayBufferView): void {
    if (types.isDataView(view)) {
      this.binary(bytesOfView(view))
      return
    }
    const type = typeOfElements(view)
    if (type === undefined) throw new Refused('a typed array of an unknown kind: send Array.from(array)')
    const bytes = bytesOfElements(view as unknown as ArrayData)
    if (bytes === undefined) throw new Refused(noMemory)
    this.elements(type, [bytes.length / type.size], bytes)
  }

  /** The bytes of a whole ArrayBuffer, or of a SharedArrayBuffer. */
  protected memory(buffer: ArrayBufferLike): void {
    this.binary(contents(() => new Uint8Array(buffer)))
  }

  protected ndarray(array: Shown): void {
    const parts = expectParts(array)
    this.elements(
      parts.type,
      parts.layout.shape,
      contents(() => contentsOf(parts)),
    )
  }

  private elements({ wire }: ElementType, shape: readonly number[], bytes: Uint8Array): void {
    const start = this.beginExtension()
    this.arrayHeader(3)
    this.dtype(wire)
    this.shape(shape)
    this.endExtension(extension.array, start, this.sizeOfData(bytes.length))
    this.data(bytes, bytes.length)
  }

  private dtype(wire: string | readonly unknown[]): void {
    if (typeof wire === 'string') {
      this.string(wire)
      return
    }
    this.arrayHeader(wire.length)
    for (const field of wire as readonly WireField[]) {
      const [name, dtype, shape] = field
      this.arrayHeader(field.length)
      this.string(name)
      this.dtype(dtype)
      if (shape !== undefined) this.shape(shape)
    }
  }

  private shape(shape: readonly number[]): void {
    this.arrayHeader(shape.length)
    for (const dimension of shape) this.number(dimension)
  }
}

function bytesOfView(view: DataView): Uint8Array {
  return contents(() => new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
}

/** What `read` gives, which throws where there is no memory any more. */
function contents(read: () => Uint8Array): Uint8Array {
  try {
    return read()
  } catch (thrown) {
    throw types.isNativeError(thrown) && !/allocation/.test(thrown.message) ? new Refused(noMemory) : thrown
  }
}

function expectParts(array: Shown): Parts {
  const { data } = array
  if (isElements(data) && bytesOfElements(data) === undefined) throw new Refused(noMemory)
  try {
    return partsOfAny(array)
  } catch (thrown) {
    throw isIpcError(thrown) ? new Refused(`an NDArray that is none: ${thrown.message}`) : thrown
  }
}
