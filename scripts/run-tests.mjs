// Runs vitest under a given Node and hands back its exit code and closing line.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { root } from './setup.mjs'

export const summaryFile = resolve(root, 'node_modules/.relay-test-summary')

export function runTests(node, args) {
  rmSync(summaryFile, { force: true })
  const { status } = spawnSync(node, [resolve(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, RELAY_TEST_SUMMARY: summaryFile },
  })
  try {
    return { code: status ?? 1, summary: readFileSync(summaryFile, 'utf8').trim() }
  } catch {
    // No summary: vitest ended before the reporter could speak. That is a failure too, and says so in the same words.
    const summary = '0 passed, 1 failed, 0 skipped'
    console.log(`\n${summary}`)
    return { code: status || 1, summary }
  }
}
