// `npm run test:grid -- --seeds 20`: the whole fault grid, once for each seed; `--seed N` repeats one, `--only 'client reset'` a part of it,
// `--crowd 3000` has so many sessions meet a fault at the same moment.
import { parseArgs } from 'node:util'
import { runTests } from './run-tests.mjs'
import { setup } from './setup.mjs'

const text = { type: 'string' }
const options = { seeds: text, seed: text, only: text, crowd: text }
const { seeds = '1', seed, only, crowd } = parseArgs({ options }).values

function whole(name, value) {
  if (/^\d+$/.test(value)) return Number(value)
  throw new RangeError(`--${name}: expected a whole number, got ${value}`)
}

setup()
const first = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole('seed', seed)
const count = whole('seeds', seeds)
const pattern = only === undefined ? [] : ['-t', only.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')]
// What `npm test` has no time for, too.
process.env.RELAY_GRID = 'all'
if (crowd !== undefined) process.env.RELAY_CROWD = String(whole('crowd', crowd))
// A dot for each run, and the failures in full. Three files at once: they wait more than they work.
const how = ['--reporter=dot', '--reporter=./scripts/summary-reporter.mjs', '--maxWorkers=3']
const total = { passed: 0, failed: 0 }
const failedSeeds = []
const startedAt = performance.now()

for (let index = 0; index < count; index++) {
  process.env.RELAY_SEED = String(first + index)
  console.log(`\n— seed ${first + index}, ${index + 1} of ${count}`)
  const { code, summary } = runTests(process.execPath, ['packages/pool/test/grid', ...how, ...pattern])
  total.passed += Number(/(\d+) passed/.exec(summary)?.[1] ?? 0)
  total.failed += Number(/(\d+) failed/.exec(summary)?.[1] ?? 0)
  if (code !== 0) failedSeeds.push(first + index)
}

const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1)
console.log(`\n${total.passed + total.failed} runs in ${minutes} minutes: ${total.failed} failed`)
for (const failed of failedSeeds) console.log(`repeat: npm run test:grid -- --seed ${failed}`)
process.exitCode = failedSeeds.length > 0 ? 1 : 0
