// Time against size, both logarithmic, a line a way, in the colours of chart.mjs.
import { escapeXml, STYLE } from './chart.mjs'
import { DIRECTION_NAMES } from './measurements.mjs'
import { payloadWays, SMALL, sizeName } from './payloads.mjs'

const WIDTH = 760
const LEFT = 56
const RIGHT = 210 // of the names, at the ends of the lines
const HEIGHT = 380
const NAME_HEIGHT = 14
const LINES = `
    .line { fill: none; stroke: #8c959f; stroke-width: 1.5; }
    .line.own { stroke: #2da44e; stroke-width: 2.5; fill: none; }
    .line.own.dashed { stroke-dasharray: 9 3; }
    .line.own.dotted { stroke-dasharray: 2 3; }
    .line.copy { stroke-dasharray: 5 4; stroke: #7d8590; }
    .leader { stroke: #8c959f; stroke-opacity: 0.5; fill: none; }
    text.own { fill: #2da44e; font-weight: 600; }`
const KINDS = { 'ipcbridge-shm': 'own', 'ipcbridge-unix': 'own dashed' }
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '4 2', '12 4']

const scaleOf = (low, high, from, to) => {
  const decades = Math.log10(high / low)
  return value => from + (Math.log10(value / low) / decades) * (to - from)
}

const isLine = ({ points }) => points.length > 1

function linesOf(summary, direction) {
  const line = (name, kind, result) => ({
    name,
    kind,
    points: Object.entries(result ?? {})
      .filter(([size, cell]) => Number(size) > SMALL && cell?.p50_us)
      .map(([size, cell]) => [Number(size), cell.p50_us])
      .sort((a, b) => a[0] - b[0]),
  })
  const ways = payloadWays().map(way =>
    line(way.name, KINDS[way.id] ?? 'rival', summary[`payload/${way.id}/${direction}`]),
  )
  const arrays = summary[`arrays/ipcbridge-shm/${direction}`]
  ways.push(line('array, one copy', 'own dotted', arrays?.ordinary), line('array from the pool', 'own', arrays?.pool))
  const measured = ways.filter(isLine)
  if (!measured.length) return []
  return [...measured, line('one copy in memory', 'copy', summary['payload/memcpy'])].filter(isLine)
}

/** Heights for the names, near the ends of their lines and not on one another. */
function spread(ends, top, bottom) {
  const order = ends.map((y, i) => ({ y, i })).sort((a, b) => a.y - b.y)
  let above = top - NAME_HEIGHT
  for (const end of order) above = end.y = Math.max(end.y, above + NAME_HEIGHT)
  let below = bottom + NAME_HEIGHT
  for (const end of order.toReversed()) below = end.y = Math.min(end.y, below - NAME_HEIGHT)
  return order.sort((a, b) => a.i - b.i).map(({ y }) => y)
}

const powers = (low, high) => {
  const result = []
  for (let tick = low; tick <= high * 1.001; tick *= 10) result.push(tick)
  return result
}

const timeName = us => (us >= 1e6 ? `${us / 1e6} s` : us >= 1000 ? `${us / 1000} ms` : `${us} us`)

function grid(sizes, times, x, y, [top, bottom]) {
  const vertical = sizes.map(
    size =>
      `<line class="grid" x1="${x(size)}" x2="${x(size)}" y1="${top}" y2="${bottom}"/>` +
      `<text x="${x(size)}" y="${bottom + 16}" text-anchor="middle">${sizeName(size)}</text>`,
  )
  const horizontal = times.map(
    time =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(time)}" y2="${y(time)}"/>` +
      `<text x="${LEFT - 8}" y="${y(time) + 4}" text-anchor="end">${timeName(time)}</text>`,
  )
  return [...vertical, ...horizontal]
}

function panel(lines, direction, top, [sizes, times]) {
  const [first, bottom] = [top + 26, top + 26 + HEIGHT]
  const x = scaleOf(sizes[0], Math.max(sizes.at(-1), sizes[0] * 2), LEFT, WIDTH - RIGHT)
  const y = scaleOf(times[0], times.at(-1), bottom, first)
  const names = spread(
    lines.map(({ points }) => y(points.at(-1)[1])),
    first,
    bottom,
  )
  const title = escapeXml(DIRECTION_NAMES[direction].replaceAll('`', ''))
  const parts = [`<text class="title" x="0" y="${top + 14}">${title}</text>`]
  parts.push(...grid(sizes, times, x, y, [first, bottom]))
  lines.forEach(({ name, kind, points }, i) => {
    const path = points.map(([size, us]) => `${x(size).toFixed(1)} ${y(us).toFixed(1)}`).join('L')
    const [endX, endY] = [x(points.at(-1)[0]), y(points.at(-1)[1])]
    const dash = kind === 'rival' && DASHES[i % DASHES.length] ? ` stroke-dasharray="${DASHES[i % DASHES.length]}"` : ''
    parts.push(
      `<path class="line ${kind}"${dash} d="M${path}"/>`,
      `<path class="leader" d="M${endX.toFixed(1)} ${endY.toFixed(1)}L${WIDTH - RIGHT + 14} ${names[i].toFixed(1)}"/>`,
      `<text class="${kind}" x="${WIDTH - RIGHT + 18}" y="${(names[i] + 4).toFixed(1)}">${escapeXml(name)}</text>`,
    )
  })
  return { text: parts.join('\n'), bottom: bottom + 40 }
}

/** The picture, or null where no payloads were measured. */
export function payloadChart(summary) {
  const panels = Object.keys(DIRECTION_NAMES)
    .map(direction => ({ direction, lines: linesOf(summary, direction) }))
    .filter(({ lines }) => lines.length)
  if (!panels.length) return null
  const points = panels.flatMap(({ lines }) => lines.flatMap(line => line.points))
  const sizes = [...new Set(points.map(([size]) => size))].sort((a, b) => a - b)
  const took = points.map(([, us]) => us)
  const times = powers(10 ** Math.floor(Math.log10(Math.min(...took))), 10 ** Math.ceil(Math.log10(Math.max(...took))))
  let top = 8
  const texts = panels.map(({ lines, direction }) => {
    const { text, bottom } = panel(lines, direction, top, [sizes, times])
    top = bottom
    return text
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 0 ${WIDTH + 16} ${top + 24}" role="img" aria-label="Time of a call against the size of its argument">
  <style>${STYLE}${LINES}
  </style>
${texts.join('\n')}
<text x="0" y="${top + 10}">Bytes one way and their number back, median; both scales logarithmic; lower is better.</text>
</svg>
`
}
