/** What a runtime refuses to a program that it has not been started for. */
export interface RefusedPermission {
  readonly runtime: 'Deno' | 'Node.js'
  /** Such as `ffi`, in the words of the runtime. */
  readonly name: string
}

/** undefined: the error is another one. */
export function refusedPermission(error: unknown): RefusedPermission | undefined {
  const versions: Record<string, string | undefined> = process.versions
  const { code, message, permission } = error as NodeJS.ErrnoException & { permission?: string }
  if (versions.deno !== undefined) {
    const name = /^Requires (\w+) access to /.exec(message)?.[1]
    return name === undefined ? undefined : { runtime: 'Deno', name }
  }
  return code === 'ERR_ACCESS_DENIED' ? { runtime: 'Node.js', name: permission ?? 'FileSystemRead' } : undefined
}
