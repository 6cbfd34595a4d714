// How long calls took, as a small table.

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

function summary(times) {
  const sorted = Float64Array.from(times).sort()
  return [percentile(sorted, 0.5), percentile(sorted, 0.99)]
}

const line = (label, p50, p99) => `  ${label.padEnd(44)}${p50.padStart(10)}${p99.padStart(10)}`
const microseconds = value => `${value.toFixed(1)} us`

/** One direction: `times` are microseconds by way. */
export function rows(direction, transport, times) {
  const ours = summary(times.ipcbridge)
  const plain = summary(times.json)
  const ratios = plain.map((value, index) => `${(value / ours[index]).toFixed(1)} x`)
  return [
    line(direction, 'p50', 'p99'),
    line(`  ipcbridge (${transport})`, ...ours.map(microseconds)),
    line('  Unix socket, length-prefixed JSON', ...plain.map(microseconds)),
    line('  ipcbridge is faster by', ...ratios),
  ]
}
