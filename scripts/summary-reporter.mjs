// Ends a run with one plain line, `N passed, N failed, N skipped`, for machines to read.
// scripts/test.mjs says in RELAY_TEST_SUMMARY where a copy of it goes.
import { writeFileSync } from 'node:fs'

export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      // A file that cannot be loaded, or a hook that throws, has no test to carry its failure.
      count.failed += module.errors().length
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        count[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1
      }
    }
    const line = `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`
    if (process.env.RELAY_TEST_SUMMARY) writeFileSync(process.env.RELAY_TEST_SUMMARY, `${line}\n`)

    process.once('exit', () => {
      // A run that tested nothing proves nothing.
      if (count.failed > 0 || count.passed === 0) process.exitCode ||= 1
      // Only now, because the coverage table comes after this hook.
      console.log(`\n${line}`)
    })
  }
}
