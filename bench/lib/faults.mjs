// What a run could not measure, and what it should not be trusted with.
/** Jobs that could not run, by the reason. */
export function unavailable(results) {
  const reasons = new Map()
  for (const [id, { unavailable: reason }] of Object.entries(results)) {
    if (reason) reasons.set(reason, [...(reasons.get(reason) ?? []), id])
  }
  const lines = [...reasons].map(([reason, ids]) => `- ${reason}: ${ids.join(', ')}`)
  return lines.length ? ['## Not available', lines.join('\n')] : []
}

/** What is wrong with one result, if anything. */
function fault(id, result) {
  if (result?.error) return result.error
  if (!result?.transport || id.includes(`ipcbridge-${result.transport}`)) return null
  return `ran over ${result.transport}, not over what its name says`
}

export function faults(results) {
  const lines = []
  for (const [id, { rounds }] of Object.entries(results)) {
    for (const [at, round] of rounds.entries()) {
      for (const [work, result] of Object.entries(round.error ? { all: round } : round)) {
        const found = fault(id, result)
        if (found) lines.push(`- ${id}, ${work}, round ${at + 1}: ${found}`)
      }
    }
  }
  return lines.length ? ['## Faults', lines.join('\n')] : []
}
