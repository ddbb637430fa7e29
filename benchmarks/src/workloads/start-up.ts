import { type PeerChoice, subjectsOf } from '../peers/peer-group.js'
import { peerPrograms } from '../peers/peer-programs.js'
import { launchPeer } from '../peers/running-peer.js'
import { freePort } from '../processes/free-port.js'
import { listening } from '../processes/listening.js'
import { cpuSeconds } from '../processes/process-usage.js'
import { runProgram } from '../processes/program.js'
import { repositoryFile } from '../repository-file.js'
import { quantile } from '../statistics.js'
import type { Subject, Values, Workload } from '../workload.js'

const STARTS = 5

const NO_HELP = { help: 'not asked for' }

const PEERS: PeerChoice = {
  ids: ['relay', 'haproxy', 'nginx', 'socat', 'go', 'pipe'],
  skips: Object.fromEntries(peerPrograms.filter(({ ours }) => !ours).map(({ id }) => [id, NO_HELP])),
}

/** What Node itself takes to start and to end: nobody who is written for it can be faster. */
const NODE: Subject = {
  id: 'node',
  name: 'Node, an empty program',
  ours: false,
  version: process.versions.node,
  skips: { listening: 'it does not listen' },
}

/** From launch to what one waits for. */
export const startUp: Workload = {
  id: 'start-up',
  name: 'Start-up',
  cases: [
    { id: 'listening', name: 'launch to listening' },
    { id: 'help', name: '`relay --help`, launch to exit' },
  ],
  metrics: [
    { id: 'time', name: 'time', unit: 'ms', better: 'less', digits: 0 },
    { id: 'cpu', name: 'CPU', unit: 'ms', better: 'less', digits: 0 },
  ],
  async open(settings) {
    return {
      subjects: [...subjectsOf(PEERS, settings), NODE],
      measure: (subject, testCase) =>
        several(() => (testCase === 'listening' ? untilListening(subject) : untilExit(subject))),
      close: async () => {},
    }
  },
}

async function several(once: () => Promise<{ time: number; cpu: number }>): Promise<Values> {
  const runs: { time: number; cpu: number }[] = []
  for (let start = 0; start < STARTS; start++) runs.push(await once())
  const middle = (values: readonly number[]): number => quantile(values, 0.5)
  // A clock tick is 10 ms: the mean says more of the CPU than the middle.
  const cpu = runs.reduce((sum, run) => sum + run.cpu, 0) / STARTS
  return { time: middle(runs.map(({ time }) => time)), cpu }
}

async function untilListening(id: string): Promise<{ time: number; cpu: number }> {
  const program = peerPrograms.find((candidate) => candidate.id === id)
  if (program === undefined) throw new Error(`no peer ${id}`)
  const route = { listen: await freePort(), upstream: await freePort() }
  // Go's is built before the clock starts.
  program.start(route, '/nowhere')
  const startedAt = performance.now()
  const running = launchPeer(program, route)
  try {
    await listening(running, route.listen, 1)
    return { time: performance.now() - startedAt, cpu: cpuSeconds(running.pid) * 1_000 }
  } finally {
    await running.stop()
  }
}

async function untilExit(id: string): Promise<{ time: number; cpu: number }> {
  const args = id === 'node' ? ['-e', '0'] : [repositoryFile('packages/cli/bin/relay.js'), '--help']
  const cpuBefore = cpuOfChildren()
  const startedAt = performance.now()
  await runProgram(process.execPath, args)
  return { time: performance.now() - startedAt, cpu: (cpuOfChildren() - cpuBefore) * 1_000 }
}

// Of a child that has ended its parent alone knows.
function cpuOfChildren(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage()
  return cpuSeconds(process.pid) - (userCPUTime + systemCPUTime) / 1e6
}
