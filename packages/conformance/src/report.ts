import type { Result } from './run-cases.js'

/** Claim by claim for people, aligned, and one line that sums up. */
export function textReport(results: readonly Result[]): string {
  const width = Math.max(0, ...results.map(({ claim }) => claim.length))
  const lines = results.map(
    ({ claim, pass, seen }) => `${pass ? 'pass' : 'FAIL'}  ${claim.padEnd(width)}  ${seen}`,
  )
  return `${[...lines, '', summary(results)].join('\n')}\n`
}

export function jsonReport(results: readonly Result[]): string {
  const passed = results.filter(({ pass }) => pass).length
  return `${JSON.stringify({ passed, failed: results.length - passed, results }, null, 2)}\n`
}

export function summary(results: readonly Result[]): string {
  const passed = results.filter(({ pass }) => pass).length
  return `${passed} of ${results.length} claims hold`
}
