// `npm run test:mutation -- [module…]`: whether the tests notice when the code of a module is changed. By hand, not in CI.
// Minutes for each module; what was mutated before and is as it was, tests included, is not run again. The reports are in `reports/`.
import { Stryker } from '@stryker-mutator/core'
import { root, setup } from './setup.mjs'

/** The files of a module, and the tests that speak of it, as far as they are quick and need no peer but themselves. */
const modules = {
  channel: {
    sources: ['packages/pool/src/channel.ts', 'packages/pool/src/indexed-list.ts'],
    tests: ['packages/pool/test/channel*.test.ts'],
  },
  pool: {
    sources: ['pool', 'item-store', 'dispatcher', 'creations', 'waiting-line'].map(
      (name) => `packages/pool/src/${name}.ts`,
    ),
    tests: ['packages/pool/test/pool*.test.ts', 'packages/pool/test/bugs/*.test.ts'],
  },
  'guarded-socket': {
    sources: ['packages/core/src/guarded-socket.ts', 'packages/core/src/holds.ts'],
    tests: [
      'packages/core/test/{guarded-socket*,interrupts}.test.ts',
      'packages/core/test/lease/lease.test.ts',
    ],
  },
  transfer: {
    sources: ['packages/core/src/transfer.ts'],
    tests: ['packages/core/test/{transfer*,relay*}.test.ts', 'packages/core/test/lease/lent-memory.test.ts'],
  },
  relay: {
    sources: ['packages/core/src/relay.ts', 'packages/core/src/two-way-copy.ts'],
    tests: [
      'packages/core/test/{relay*,close-reasons}.test.ts',
      'packages/core/test/stages/!(contract).test.ts',
      'packages/core/test/lease/!(with-stages).test.ts',
    ],
  },
}

// The same runs for each mutant, and no more of them than its mutants need.
const repeatable = {
  FC_RUNS: '60',
  FC_SEED: '1',
  RELAY_SEED: '1',
  RELAY_INTERRUPTS: '60',
  RELAY_STAGE_KINDS: 'no stage,functions',
}

const named = process.argv.slice(2)
for (const name of named) {
  if (name in modules) continue
  console.error(`no such module: ${name}; there are ${Object.keys(modules).join(', ')}`)
  process.exit(2)
}

setup()
process.chdir(root)
Object.assign(process.env, repeatable)
for (const name of named.length > 0 ? named : Object.keys(modules)) {
  const { sources, tests } = modules[name]
  // The runner knows no list of test files that holds for mutants of module scope, too; the config reads this one.
  process.env.RELAY_TEST_FILES = tests.join(' ')
  console.log(`\n— ${name}`)
  const results = await new Stryker({
    mutate: sources,
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { related: false, configFile: 'vitest.mutation.config.ts' },
    coverageAnalysis: 'perTest',
    concurrency: Number(process.env.RELAY_CONCURRENCY ?? 2),
    timeoutMS: 5_000,
    timeoutFactor: 1,
    incremental: true,
    incrementalFile: `reports/mutation/${name}.incremental.json`,
    reporters: ['clear-text', 'progress-append-only', 'json', 'html'],
    jsonReporter: { fileName: `reports/mutation/${name}.json` },
    htmlReporter: { fileName: `reports/mutation/${name}.html` },
    clearTextReporter: { allowColor: false, logTests: false, skipFull: true },
    thresholds: { high: 90, low: 80, break: 80 },
    allowConsoleColors: false,
  }).runMutationTest()
  const count = (status) => results.filter((result) => result.status === status).length
  const [killed, timeout, survived, missed] = ['Killed', 'Timeout', 'Survived', 'NoCoverage'].map(count)
  const score = (100 * (killed + timeout)) / (killed + timeout + survived + missed)
  console.log(
    `${name}: ${score.toFixed(1)} % (${killed} killed, ${timeout} timed out, ${survived} survived, ${missed} not covered)`,
  )
}
