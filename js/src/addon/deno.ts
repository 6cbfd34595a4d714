/** The permission that Deno has refused to the program, such as `ffi`. undefined: the error is another one. */
export function refusedPermission(error: unknown): string | undefined {
  const versions: Record<string, string | undefined> = process.versions
  if (versions.deno === undefined) return undefined
  return /^Requires (\w+) access to /.exec((error as Error).message)?.[1]
}
