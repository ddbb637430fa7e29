// `npm run conformance -- <listen> <upstream>`: holds any TCP relay to the claims of docs/conformance.md; `--help` says more.
import { setup } from './setup.mjs'

setup()
const { run } = await import('../packages/conformance/dist/main.js')
process.exitCode = await run(process.argv.slice(2))
