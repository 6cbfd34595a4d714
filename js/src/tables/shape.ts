/** The values of apache-arrow, by what they look like: a program may have several copies of it, and each has classes of its own. */

export interface ArrowType {
  readonly typeId: number
  readonly children?: readonly ArrowField[]
  /** Of dictionaries. */
  readonly dictionary?: ArrowType
  readonly indices?: ArrowType
}

export interface ArrowField {
  readonly name: string
  readonly type: ArrowType
  readonly nullable: boolean
  readonly metadata: ReadonlyMap<string, string>
}

export interface ArrowSchema {
  readonly fields: readonly ArrowField[]
  readonly metadata: ReadonlyMap<string, string>
}

export interface ArrowData {
  readonly type: ArrowType
  readonly offset: number
  readonly length: number
  readonly nullCount: number
  readonly valueOffsets: unknown
  readonly values: unknown
  readonly nullBitmap: unknown
  readonly typeIds: unknown
  readonly children: readonly ArrowData[]
  readonly dictionary?: ArrowVector
}

export interface ArrowVector {
  readonly data: readonly ArrowData[]
}

export interface ArrowBatch {
  readonly schema: ArrowSchema
  readonly data: ArrowData
}

export interface ArrowTable {
  readonly schema: ArrowSchema
  readonly batches: readonly ArrowBatch[]
}

type Shown = Readonly<Record<string, unknown>>

export function isArrowTable(value: object): value is ArrowTable {
  return hasColumns(value) && Array.isArray((value as Shown).batches)
}

export function isArrowBatch(value: object): value is ArrowBatch {
  const { data } = value as Shown
  return hasColumns(value) && isObject(data) && Array.isArray(data.children)
}

export function isArrowVector(value: object): boolean {
  const { type, data, getChildAt } = value as Shown
  return typeof getChildAt === 'function' && Array.isArray(data) && isObject(type) && typeof type.typeId === 'number'
}

function hasColumns(value: object): boolean {
  const { schema, getChildAt } = value as Shown
  return typeof getChildAt === 'function' && isObject(schema) && Array.isArray(schema.fields)
}

function isObject(value: unknown): value is Shown {
  return typeof value === 'object' && value !== null
}
