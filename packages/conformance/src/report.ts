import type { LeftOut } from './cases/index.js'
import type { Result } from './run-cases.js'

/** Claim by claim for people, aligned, and one line that sums up. */
export function textReport(results: readonly Result[], leftOut: readonly LeftOut[]): string {
  const width = Math.max(0, ...[...results, ...leftOut].map(({ claim }) => claim.length))
  const line = (word: string, claim: string, rest: string): string =>
    `${word}  ${claim.padEnd(width)}  ${rest}`
  const lines = [
    ...results.map(({ claim, pass, seen }) => line(pass ? 'pass' : 'FAIL', claim, seen)),
    ...leftOut.map(({ claim, why }) => line('–   ', claim, `not told: ${why}`)),
  ]
  return `${[...lines, '', summary(results)].join('\n')}\n`
}

export function jsonReport(results: readonly Result[], leftOut: readonly LeftOut[]): string {
  const passed = results.filter(({ pass }) => pass).length
  return `${JSON.stringify({ passed, failed: results.length - passed, results, leftOut }, null, 2)}\n`
}

export function summary(results: readonly Result[]): string {
  const passed = results.filter(({ pass }) => pass).length
  return `${passed} of ${results.length} claims hold`
}
