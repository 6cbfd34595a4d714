import { type FlatTable, maxNesting } from './flatbuffers'
import { malformed } from './malformed'
import { type ArrowType, arrowType, int32, intType, isNested, TypeId } from './types'

export interface Field {
  readonly name: string
  readonly type: ArrowType
  readonly children: readonly Field[]
  /** Of a field whose values are in a dictionary, and whose buffers hold places in it. */
  readonly dictionary: Encoding | undefined
}

interface Encoding {
  readonly id: bigint
  readonly indices: ArrowType
  readonly isOrdered: boolean
}

export interface Schema {
  readonly fields: readonly Field[]
  /** What the metadata have of this key. */
  readonly metadata: ReadonlyMap<string, string>
  /** Of the values of each dictionary. */
  readonly dictionaries: ReadonlyMap<bigint, Field>
}

export function readSchema(table: FlatTable): Schema {
  if (table.short(0) !== 0) throw malformed('its numbers are big-endian')
  const dictionaries = new Map<bigint, Field>()
  const fields = table.tables(1).map(field => readField(field, dictionaries, 0))
  return { fields, metadata: readMetadata(table, 2), dictionaries }
}

/** Python's libraries have bytes there, whatever they are. */
function readMetadata(table: FlatTable, field: number): Map<string, string> {
  return new Map(table.tables(field).map(pair => [pair.binary(0).toString(), pair.binary(1).toString()]))
}

function readField(table: FlatTable, dictionaries: Map<bigint, Field>, depth: number): Field {
  if (depth >= maxNesting) throw malformed(`columns nested more than ${maxNesting} levels deep`)
  const parameters = table.table(3)
  if (parameters === undefined) throw malformed('a column without a type')
  const type = arrowType(table.byte(2), parameters)
  const children = table.tables(5).map(child => readField(child, dictionaries, depth + 1))
  expectChildren(type, children)
  readMetadata(table, 6) // as apache-arrow will: it is checked
  const encoding = table.table(4)
  const field = { name: table.string(0), type, children, dictionary: encoding && readEncoding(encoding) }
  if (field.dictionary === undefined) return field
  if (isNested(type)) throw malformed('a dictionary of nested values')
  const { id } = field.dictionary
  const values = { ...field, dictionary: undefined }
  const shared = dictionaries.get(id)
  if (shared === undefined) dictionaries.set(id, values)
  else if (typeName(shared) !== typeName(values)) throw malformed('two columns share a dictionary of another type')
  return field
}

function readEncoding(table: FlatTable): Encoding {
  const indices = table.table(1)
  return { id: table.id(0), indices: indices === undefined ? int32 : intType(indices), isOrdered: table.bool(2) }
}

function expectChildren({ id, children: expected, typeIds }: ArrowType, children: readonly Field[]): void {
  const { length } = children
  if (expected !== undefined && expected !== length)
    throw malformed(`a type of ${expected} children that has ${length}`)
  const [first] = children
  const isEntry = first?.type.id === TypeId.struct && first.children.length === 2 && first.dictionary === undefined
  if (id === TypeId.map && !isEntry) {
    throw malformed('a map whose entries are not a key and a value')
  }
  if (id === TypeId.union && typeIds.length !== 0 && typeIds.length !== length) {
    throw malformed('a union with another number of types than of children')
  }
}

/** The type of a field, as pyarrow writes it. */
export function typeName(field: Field): string {
  const { type, dictionary } = field
  const name = isNested(type) ? `${type.name}<${childNames(field)}>${sizeName(type)}` : type.name
  return dictionary === undefined
    ? name
    : `dictionary<values=${name}, indices=${dictionary.indices.name}, ordered=${dictionary.isOrdered ? 1 : 0}>`
}

function childNames({ type, children }: Field): string {
  const [entry] = children
  if (type.id === TypeId.map && entry !== undefined) return entry.children.map(typeName).join(', ')
  return children.map(child => `${child.name}: ${typeName(child)}`).join(', ')
}

function sizeName({ layout, size }: ArrowType): string {
  return layout === 'fixed list' ? `[${size}]` : ''
}
