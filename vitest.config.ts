import { defineConfig } from 'vitest/config'

// Our packages resolve to their TypeScript, so that a test runs the source and not the last build.
const conditions = ['@relay/source', 'node']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'benchmarks/test/**/*.test.ts'],
    setupFiles: ['packages/core/test/support/leaks.ts', 'packages/core/test/support/painted-memory.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default', './scripts/summary-reporter.mjs'],
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text', 'lcov'] },
  },
})
