// `npm run bench`: measures this relay beside its peers, and writes benchmarks/RESULTS.md and docs/benchmarks.md; `--help` says more.
import { setup } from './setup.mjs'

setup()
const { run } = await import('../benchmarks/dist/main.js')
process.exit(await run(process.argv.slice(2)))
