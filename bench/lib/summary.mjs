import { median } from './samples.mjs'

/** Medians over the rounds, field by field; a field that is no number in any round is left out. */
function medians(rounds) {
  const result = {}
  const keys = new Set(rounds.flatMap(round => Object.keys(round ?? {})))
  for (const key of keys) {
    const values = rounds.map(round => round?.[key]).filter(value => value !== undefined)
    if (values.some(value => typeof value === 'number')) result[key] = median(values)
    else if (values.every(value => typeof value === 'string')) result[key] = values[0]
    else if (values.every(value => Array.isArray(value))) result[key] = values.at(-1)
    else result[key] = medians(values.filter(value => typeof value === 'object' && !Array.isArray(value)))
  }
  return result
}

function ratios(own, base) {
  const faster = (work, field) =>
    own[work]?.[field] && base[work]?.[field] ? base[work][field] / own[work][field] : null
  const more = own.many?.calls_per_s && base.many?.calls_per_s ? own.many.calls_per_s / base.many.calls_per_s : null
  return {
    p50: faster('one', 'p50_us'),
    p99: faster('one', 'p99_us'),
    calls_per_s: more,
    cpu: faster('one', 'cpu_s_per_10k'),
  }
}

/** { job: { medians…, against: { unix, stdio } } | { unavailable } }; ratios above 1 are better than the base. */
export function summarise(results) {
  const summary = {}
  for (const [id, { unavailable, way, direction, rounds }] of Object.entries(results)) {
    summary[id] = { ...(way && { way, direction }), ...(unavailable ? { unavailable } : medians(rounds)) }
  }
  for (const [id, own] of Object.entries(summary)) {
    if (!own.way || own.unavailable) continue
    const p50s = results[id].rounds.map(round => round.one?.p50_us).filter(Number.isFinite)
    if (p50s.length) own.one.p50_range_us = [Math.min(...p50s), Math.max(...p50s)]
    own.against = {}
    for (const base of ['unix', 'stdio']) {
      const other = summary[`${base}/${own.direction}`]
      if (other && !other.unavailable) own.against[base] = ratios(own, other)
    }
  }
  return summary
}
