// Numbers and tables in Markdown that also reads well on a terminal.
export const number = (value, digits = 3) => {
  if (!Number.isFinite(value)) return '–'
  if (value >= 10 ** (digits - 1)) return Math.round(value).toLocaleString('en-US')
  return value.toPrecision(digits)
}
export const ratio = value => (Number.isFinite(value) ? `${value >= 10 ? value.toFixed(0) : value.toFixed(2)} ×` : '–')

export function table(header, rows) {
  const lines = [header, ...rows].map(cells => cells.map(cell => `${cell ?? '–'}`))
  const widths = header.map((_, i) => Math.max(3, ...lines.map(cells => (cells[i] ?? '').length)))
  const line = cells =>
    `| ${cells.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`
  return [line(lines[0]), rule, ...lines.slice(1).map(line)].join('\n')
}
