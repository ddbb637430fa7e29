import { defineConfig } from 'vitest/config'
import base from './vitest.config.js'

/** For scripts/test-mutation.mjs: the test files of one module, and no long wait for what a mutant has stopped from coming. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: process.env.RELAY_TEST_FILES?.split(' ') ?? [],
    testTimeout: 8_000,
    hookTimeout: 8_000,
  },
})
