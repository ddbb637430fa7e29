import { mkdirSync, writeFileSync } from 'node:fs'
import { repositoryFile } from '../repository-file.js'
import type { RunResult } from '../run-result.js'
import { docsPage } from './docs-page.js'
import { resultsPage } from './results-page.js'
import { workloadChart } from './workload-chart.js'

/** Writes benchmarks/RESULTS.md, docs/benchmarks.md and its pictures. */
export function writeReport(run: RunResult): void {
  writeFileSync(repositoryFile('benchmarks/RESULTS.md'), resultsPage(run))
  writeFileSync(repositoryFile('docs/benchmarks.md'), docsPage(run))
  mkdirSync(repositoryFile('docs/benchmarks'), { recursive: true })
  for (const result of run.workloads) {
    if (result.missing !== undefined) continue
    writeFileSync(repositoryFile(`docs/benchmarks/${result.id}.svg`), workloadChart(result))
  }
}
