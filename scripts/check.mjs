// `npm run check`: everything about the code except whether it works. One line for each step, and the output of a failed one.
import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { root, setup } from './setup.mjs'

const packages = ['packages/core', 'packages/pool', 'packages/cli']

const steps = [
  ['format, lint, layers', 'biome ci --colors=off --error-on-warnings --max-diagnostics=50'],
  ['types of the tests', 'tsc -p tsconfig.test.json'],
  ['nothing unused', 'knip --no-config-hints'],
  ...packages.map((path) => [`${path} as published`, `publint ${path} --strict --pack npm`]),
  ...packages.map((path) => [`${path} types as published`, `attw --pack ${path} --profile esm-only`]),
  ['types as a consumer has them', 'tsc -p examples/tsconfig.consumer.json'],
  ['docs and examples', 'node scripts/check-repo.mjs'],
]

setup()
let failures = 0
for (const [title, command] of steps) {
  const startedAt = performance.now()
  // A shell, because on Windows the files in .bin are batch files.
  const { status, output } = spawnSync(command, {
    cwd: root,
    shell: true,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH: `${root}node_modules/.bin${delimiter}${process.env.PATH}` },
  })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${title} (${seconds} s)`)
  if (status === 0) continue
  failures += 1
  console.log(`\n$ ${command}\n${output.join('')}`)
}
process.exitCode = failures > 0 ? 1 : 0
