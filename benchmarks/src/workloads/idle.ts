import { setTimeout as sleep } from 'node:timers/promises'
import { type PeerChoice, programOf, subjectsOf } from '../peers/peer-group.js'
import type { PeerProgram } from '../peers/peer-program.js'
import { startPeer } from '../peers/running-peer.js'
import { type Address, formatAddress, freePort } from '../processes/free-port.js'
import { listening } from '../processes/listening.js'
import { nodeProgram } from '../processes/node-program.js'
import { cpuSeconds, residentBytes } from '../processes/process-usage.js'
import type { Values, Workload } from '../workload.js'

const PEERS: PeerChoice = {
  ids: ['relay', 'haproxy', 'nginx', 'nginx-64k', 'socat', 'go', 'go-2048', 'pipe'],
  skips: {
    socat: { 8000: 'it has a process for each session' },
    go: { 8000: 'with pipes for `splice` a session has 6 descriptors' },
  },
}

// Node and Go give memory back, or take more, some time after the work.
const SETTLE_MS = 2_000
const OPEN_MS = 60_000

/** What a session costs that does nothing, after one small message each way. */
export const idle: Workload = {
  id: 'idle',
  name: 'Idle sessions',
  cases: [
    { id: '2000', name: '2,000 sessions' },
    { id: '8000', name: '8,000 sessions' },
  ],
  metrics: [
    { id: 'memory', name: 'resident memory', unit: 'KB/session', better: 'less', digits: 1 },
    { id: 'cpu', name: 'CPU while idle', unit: 'ms/s', better: 'less', digits: 1 },
  ],
  maxRounds: 3,
  async open(settings) {
    const upstream = await freePort()
    const echo = nodeProgram('echo-upstream', formatAddress(upstream))
    await listening(echo, upstream)
    return {
      subjects: subjectsOf(PEERS, settings),
      measure: (subject, testCase) => measure(programOf(subject, settings), Number(testCase), upstream),
      close: () => echo.stop(),
    }
  },
}

// A relay of its own for each measurement: one that has had sessions keeps memory for the next.
async function measure(program: PeerProgram, sessions: number, upstream: Address): Promise<Values> {
  const peer = await startPeer(program, { listen: await freePort(), upstream })
  try {
    await sleep(SETTLE_MS / 4)
    const before = residentBytes(peer.pid)
    const clients = nodeProgram('open-sessions', formatAddress(peer.address), `${sessions}`)
    try {
      await clients.printed('open', OPEN_MS)
      await sleep(SETTLE_MS)
      const cpuBefore = cpuSeconds(peer.pid)
      await sleep(1_000)
      const cpu = (cpuSeconds(peer.pid) - cpuBefore) * 1_000
      return { memory: (residentBytes(peer.pid) - before) / sessions / 1_000, cpu }
    } finally {
      await clients.stop()
    }
  } finally {
    await peer.stop()
  }
}
