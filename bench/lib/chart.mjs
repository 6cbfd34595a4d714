// p50 as bars on a logarithmic scale, p99 as whiskers. Mid tones and no background: readable on light and dark.
import { DIRECTION_NAMES, WAYS } from './measurements.mjs'

const WIDTH = 760
const LABELS = 190
const RIGHT = 60
const ROW = 22
export const STYLE = `
    text { font: 12px system-ui, sans-serif; fill: #6e7781; }
    .title { font-weight: 600; font-size: 14px; }
    .grid { stroke: #8c959f; stroke-opacity: 0.35; }
    .whisker { stroke: #7d8590; stroke-width: 1.5; }
    .rival { fill: #8c959f; }
    .own { fill: #2da44e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #c9d1d9; }
      .whisker { stroke: #adbac7; }
    }`

export const escapeXml = text => text.replace(/[&<>]/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])

function panel(rows, direction, top, scale) {
  const parts = [
    `<text class="title" x="0" y="${top + 14}">${escapeXml(DIRECTION_NAMES[direction])}, one call in flight</text>`,
  ]
  const first = top + 26
  const bottom = first + rows.length * ROW
  for (const tick of scale.ticks) {
    const x = scale.x(tick)
    parts.push(`<line class="grid" x1="${x}" x2="${x}" y1="${first}" y2="${bottom}"/>`)
    const label = tick >= 1000 ? `${tick / 1000} ms` : `${tick} us`
    parts.push(`<text x="${x}" y="${bottom + 14}" text-anchor="middle">${label}</text>`)
  }
  rows.forEach(({ way, one }, i) => {
    const y = first + i * ROW
    const middle = y + ROW / 2
    const [p50, p99] = [scale.x(one.p50_us), scale.x(one.p99_us)].map(x => x.toFixed(1))
    const kind = way.module === 'ipcbridge' ? 'own' : 'rival'
    const value = one.p50_us < 10 ? one.p50_us.toFixed(1) : Math.round(one.p50_us)
    parts.push(
      `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escapeXml(way.name)}</text>`,
      `<rect class="${kind}" x="${LABELS}" y="${y + 4}" width="${(p50 - LABELS).toFixed(1)}" height="${ROW - 8}" rx="2"/>`,
      `<path class="whisker" fill="none" d="M${p50} ${middle}H${p99}M${p99} ${middle - 4}v8"/>`,
      `<text x="${Number(p99) + 6}" y="${middle + 4}">${value}</text>`,
    )
  })
  return { text: parts.join('\n'), bottom: bottom + 34 }
}

function logScale(values) {
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)))
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values)))
  const decades = Math.max(1, Math.log10(high / low))
  const ticks = []
  for (let tick = low; tick <= high * 1.001; tick *= 10) ticks.push(Number(tick.toPrecision(1)))
  return { ticks, x: value => LABELS + (Math.log10(value / low) / decades) * (WIDTH - LABELS - RIGHT) }
}

export function chart(summary) {
  const panels = ['node-python', 'python-node']
    .map(direction => ({
      direction,
      rows: WAYS.map(way => ({ way, one: summary[`${way.id}/${direction}`]?.one }))
        .filter(({ one }) => one?.p50_us)
        .sort((a, b) => a.one.p50_us - b.one.p50_us),
    }))
    .filter(({ rows }) => rows.length)
  const values = panels.flatMap(({ rows }) => rows.flatMap(({ one }) => [one.p50_us, one.p99_us]))
  const scale = logScale(values.length ? values : [1, 10])
  let top = 8
  const texts = panels.map(({ rows, direction }) => {
    const { text, bottom } = panel(rows, direction, top, scale)
    top = bottom
    return text
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 0 ${WIDTH + 16} ${top + 24}" role="img" aria-label="Latency of one call: median and 99th percentile">
  <style>${STYLE}
  </style>
${texts.join('\n')}
<text x="0" y="${top + 10}">Bar and number: median (us); whisker: 99th percentile; logarithmic scale; shorter is better.</text>
</svg>
`
}
