// What the files of figures share: how a value is shown, compared and collected.
export const times = value => (value === null ? null : `${value.toFixed(value < 1 ? 2 : 1)} ×`)
export const microseconds = value => (value === null ? null : `${value.toFixed(2)} us`)
export const milliseconds = value => (value === null ? null : `${(value / 1000).toFixed(2)} ms`)
export const percent = value => (value === null ? null : `${(value * 100).toFixed(0)} %`)

export const divide = (a, b) => (a && b ? a / b : null)
export const atLeast = floor => value => value >= floor
export const atMost = floor => value => value <= floor

/** The measured values of a summary by the id of their job; null where nothing was measured. */
export function reader(summary) {
  const job = id => summary[id] ?? {}
  return {
    job,
    p50: (id, work = 'one') => job(id)[work]?.p50_us ?? null,
    rate: (id, work = 'many') => job(id)[work]?.calls_per_s ?? null,
  }
}

/** `rows` of { what, value, floor, goal, ok }; `ok` is null where there is no floor or nothing was measured. */
export function collector() {
  const rows = []
  const add = (what, value, show, floor = '–', goal = '–', passes = null) => {
    const measured = value ?? null
    rows.push({ what, value: show(measured), floor, goal, ok: measured === null || !passes ? null : passes(measured) })
  }
  /** A ratio that is the better the larger it is. */
  const addRatio = (what, value, floor, goal) =>
    floor === undefined
      ? add(what, value, times, '–', goal && `${goal} ×`)
      : add(what, value, times, `${floor} ×`, `${goal} ×`, atLeast(floor))
  return { rows, add, addRatio }
}
