/** Growable store of durations in microseconds; growing never happens inside a timed call. */
export class Samples {
  #values = new Float64Array(1 << 16)
  #count = 0

  add(microseconds) {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = microseconds
  }

  summary() {
    const sorted = this.#values.slice(0, this.#count).sort()
    const at = q => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
    const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
    return {
      calls: this.#count,
      p50_us: at(0.5),
      p99_us: at(0.99),
      p999_us: at(0.999),
      max_us: sorted[sorted.length - 1],
      mean_us: mean,
    }
  }
}

export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  if (sorted.length === 0) return null
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
