// `npm test`: sets up, then runs the tests; arguments go to vitest: `npm test -- packages/core -t 'half-close'`.

import { runTests } from './run-tests.mjs'
import { setup } from './setup.mjs'

setup()
const { code } = runTests(process.execPath, process.argv.slice(2))
process.exitCode = code
