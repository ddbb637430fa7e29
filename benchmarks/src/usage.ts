import { comparedWorkloads } from './comparison/compared-workloads.js'
import { peerIds } from './peers/peer-programs.js'
import { workloads } from './workloads/index.js'

/** What `--help` prints. */
export function usage(): string {
  return `npm run bench -- [options]   measure this relay beside its peers

  --only <workloads>   these alone: ${workloads.map(({ id }) => id).join(',')}
  --peers <peers>      beside ours these alone: ${peerIds.join(',')}
  --rounds <n>         how often each is measured (default: 5)
  --seconds <n>        how long a measurement takes (default: 2)
  --json               everything that was measured, as one JSON object on stdout
  --write              write benchmarks/RESULTS.md and docs/benchmarks.md although --only, --peers or --json is given
  --help               this text

Without --only, --peers and --json the two documents are written. Progress goes to stderr.

npm run bench -- --against <checkout> [options]   measure this relay beside that of another checkout, where \`npm run build\` has been run

  --pairs <n>          how often: each time old, new and old again, the control, in changing order (default: 10)
  --flags '<flags>'    for \`relay forward\` of both, such as '--prewarm 64'
  --only <workloads>   these alone: ${comparedWorkloads.map(({ id }) => id).join(',')}
  --seconds <n>, --json, --help as above
`
}
