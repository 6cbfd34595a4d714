/** A parameter, as `describe` tells of it. */
export interface ParameterDescription {
  /** '' where it has none: destructured, or `**` of a destructured one. */
  name: string
  /** Whether it has no default. A JavaScript function may be called without it all the same. */
  required: boolean
  kind: 'positional' | 'keyword' | 'rest' | 'kwrest'
  annotation?: string
}

/** A method, as `describe` tells of it. */
export interface MethodDescription {
  /** As in the source, such as `(a, b = 0)`. */
  signature: string
  /** The docstring; null of a function without, and of every JavaScript function. */
  doc: string | null
  params: ParameterDescription[]
  /** Whether it is declared `async`. */
  async: boolean
}

/** What `describe` resolves to. */
export interface Description {
  /** The address that the service was served under. */
  service: string
  /** By their dotted names. */
  methods: Record<string, MethodDescription>
}
