import { needPrograms } from '../need-programs.js'
import { PeerGroup } from '../peers/peer-group.js'
import { stagePrograms } from '../peers/stage-programs.js'
import { measureCpu } from '../processes/measure-cpu.js'
import type { Workload } from '../workload.js'
import { IPERF_PACKAGES, iperf, startIperf } from './iperf.js'
import { REDIS_PACKAGES, redisBenchmark, startRedis } from './redis-server.js'
import { RequestCount } from './request-count.js'

const CLIENTS = ['-c', '50']
const WARM_UP = 30_000

/** What it costs to pass bytes through something of the user's. */
export const stages: Workload = {
  id: 'stages',
  name: 'Stages',
  cases: [
    { id: 'bulk', name: 'one iperf3 stream, upstream to client' },
    { id: 'messages', name: 'redis-benchmark GET, 50 clients' },
  ],
  metrics: [
    { id: 'cpuOfBulk', name: 'CPU of the relay', unit: 's/GB', better: 'less', digits: 2 },
    { id: 'cpuOfMessage', name: 'CPU of the relay', unit: 'µs/request', better: 'less', digits: 1 },
  ],
  async open(settings) {
    needPrograms({ ...IPERF_PACKAGES, ...REDIS_PACKAGES })
    const [server, redis] = [await startIperf(), await startRedis()]
    const choice = { ids: stagePrograms.map(({ id }) => id) }
    const bulkPeers = await PeerGroup.start(choice, server.address, settings)
    const messagePeers = await PeerGroup.start(choice, redis.address, settings)
    const counts = new RequestCount(settings.seconds)

    async function bulk(subject: string): Promise<Record<string, number>> {
      const work = () => iperf(bulkPeers.address(subject), settings.seconds, ['-R'])
      const { result, cpu = Number.NaN } = await measureCpu(bulkPeers.pid(subject), work)
      return { cpuOfBulk: cpu / (result.bytes / 1e9) }
    }
    async function messages(subject: string): Promise<Record<string, number>> {
      const run = (requests: number) => redisBenchmark(messagePeers.address(subject), requests, CLIENTS)
      const requests = await counts.next(subject, async () => (await run(WARM_UP)).perSecond)
      const { result, cpu = Number.NaN } = await measureCpu(messagePeers.pid(subject), () => run(requests))
      counts.learn(subject, result.perSecond)
      return { cpuOfMessage: (cpu / requests) * 1e6 }
    }
    return {
      subjects: bulkPeers.subjects,
      async warmUp(subject, testCase) {
        if (testCase === 'bulk') await iperf(bulkPeers.address(subject), 1, ['-R'])
      },
      measure: (subject, testCase) => (testCase === 'bulk' ? bulk(subject) : messages(subject)),
      async close() {
        await Promise.all([bulkPeers.stop(), messagePeers.stop()])
        await Promise.all([server.stop(), redis.stop()])
      },
    }
  },
}
