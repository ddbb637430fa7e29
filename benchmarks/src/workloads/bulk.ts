import { needPrograms } from '../need-programs.js'
import { PeerGroup } from '../peers/peer-group.js'
import { measureCpu } from '../processes/measure-cpu.js'
import type { Workload } from '../workload.js'
import { IPERF_PACKAGES, iperf, startIperf } from './iperf.js'

const PEERS = ['relay', 'haproxy', 'nginx', 'nginx-64k', 'socat', 'go', 'go-2048', 'pipe']
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  ...{ down: ['-R'], up: [], both: ['--bidir'] },
  ...{ 'down-8': ['-R', '-P', '8'], 'up-8': ['-P', '8'] },
}

/** One stream as fast as it goes, by iperf3; eight at once are for a comparison. */
export const bulk: Workload = {
  id: 'bulk',
  name: 'Bulk: one iperf3 stream',
  cases: [
    { id: 'down', name: 'upstream to client' },
    { id: 'up', name: 'client to upstream' },
    { id: 'both', name: 'both ways at once' },
  ],
  metrics: [
    { id: 'cpu', name: 'CPU of the relay', unit: 's/GB', better: 'less', digits: 2 },
    { id: 'rate', name: 'rate', unit: 'GB/s', better: 'more', digits: 2 },
  ],
  async open(settings) {
    needPrograms(IPERF_PACKAGES)
    const server = await startIperf()
    const peers = await PeerGroup.start({ ids: PEERS, direct: true }, server.address, settings)
    return {
      subjects: peers.subjects,
      async warmUp(subject, testCase) {
        await iperf(peers.address(subject), 1, FLAGS[testCase] ?? [])
      },
      async measure(subject, testCase) {
        const work = () => iperf(peers.address(subject), settings.seconds, FLAGS[testCase] ?? [])
        const { result, cpu } = await measureCpu(peers.pid(subject), work)
        if (result.bytes === 0) throw new Error('iperf3 received nothing')
        const gigabytes = result.bytes / 1e9
        return { rate: gigabytes / result.seconds, ...(cpu !== undefined && { cpu: cpu / gigabytes }) }
      },
      async close() {
        await peers.stop()
        await server.stop()
      },
    }
  },
}
