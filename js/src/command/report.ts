import type { Finding } from '../native'

/** The same text as of `python -m ipcbridge doctor`. */
export function reportOf(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(finding => finding.check.length))
  const lines = findings.flatMap(({ verdict, check, found, remedy }) => {
    const line = `${verdict.padEnd(7)}  ${check.padEnd(width)}  ${found}`
    return remedy === '' ? [line] : [line, `${' '.repeat(width + 11)}remedy: ${remedy}`]
  })
  return [...lines, `faults: ${faultsOf(findings)}, warnings: ${count(findings, 'warning')}`].join('\n')
}

export function jsonOf(findings: readonly Finding[]): string {
  return JSON.stringify(findings, undefined, 2)
}

export function faultsOf(findings: readonly Finding[]): number {
  return count(findings, 'fault')
}

function count(findings: readonly Finding[], verdict: Finding['verdict']): number {
  return findings.filter(finding => finding.verdict === verdict).length
}
