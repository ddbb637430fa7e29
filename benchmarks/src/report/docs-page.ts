import { readFileSync } from 'node:fs'
import { repositoryFile } from '../repository-file.js'
import type { RunResult } from '../run-result.js'
import type { WorkloadResult } from '../run-workload.js'
import { conductTable } from './conduct-table.js'
import { explanations } from './explanations.js'

/** The configurations that peers ran with. */
const SHOWN = {
  'haproxy.cfg': 'haproxy',
  'nginx.conf': 'nginx',
  'go-relay/main.go': 'go',
  'node-pipe.mjs': 'js',
  'node-transform.mjs': 'js',
}

/** docs/benchmarks.md; its pictures are docs/benchmarks/<workload>.svg. */
export function docsPage(run: RunResult): string {
  const { machine, workloads } = run
  const reached = run.floors.filter(({ pass }) => pass === true).length
  const judged = run.floors.filter(({ pass }) => pass !== undefined).length
  return `# Measured beside its peers

Real relays on one machine, given the same work in turn, round after round, each round begun by another one: what disturbs the machine
disturbs all of them. The measure is CPU per unit of work, from \`/proc\`: a busy machine blurs it, and turns a rate into nonsense.
Lines in the bars are the lowest and the highest round. All numbers, with ranges and versions: [RESULTS.md](../benchmarks/RESULTS.md);
${reached} of ${judged} floors that this relay sets itself are reached there.

\`\`\`
npm run bench                                           all of it: 25 minutes on two quiet cores
npm run bench -- --only messages --peers haproxy,pipe   a part, for work in progress
npm run bench -- --help
\`\`\`

It takes what Debian has: \`apt-get install haproxy nginx libnginx-mod-stream socat golang-go iperf3 redis-server redis-tools wrk
build-essential iproute2 openssl\`. What is missing is said to be missing. Every relay runs as one process with one worker or thread where its row
does not say two, for CPU per unit is compared; no log of sessions is kept by any. Measured on ${machine.cpu}, ${machine.cores} cores, ${machine.kernel},
Node ${machine.node}, ${run.date.slice(0, 10)}.

${workloads.map(section).join('\n')}
## Configurations

relay: \`relay forward <listen> <upstream> --access-log off\`, with the flags that its rows name. socat: \`socat -b 65536 -t 3600
TCP-LISTEN:…,reuseaddr,fork,backlog=4096,nodelay TCP:…,nodelay\`. Go: \`GOMAXPROCS=1\`, which costs less CPU for each unit than its default.

${Object.entries(SHOWN).map(configuration).join('\n')}`
}

function section(result: WorkloadResult): string {
  const explanation = explanations[result.id] ?? ''
  const conduct = result.conduct === undefined ? '' : `\n${conductTable(result.conduct, result.subjects)}`
  const shown =
    result.missing === undefined
      ? `![${result.name.replaceAll('`', '')}](benchmarks/${result.id}.svg)`
      : `Not measured: ${result.missing}`
  return `## ${result.name}\n\n${shown}\n\n${explanation}\n${conduct}`
}

function configuration([file, language]: readonly [string, string]): string {
  const text = readFileSync(repositoryFile(`benchmarks/peers/${file}`), 'utf8').trimEnd()
  return `[${file}](../benchmarks/peers/${file}):\n\n\`\`\`${language}\n${text}\n\`\`\`\n`
}
