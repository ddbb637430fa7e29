import { needPrograms } from '../need-programs.js'
import { PeerGroup } from '../peers/peer-group.js'
import { measureCpu } from '../processes/measure-cpu.js'
import type { Workload } from '../workload.js'
import { REDIS_PACKAGES, redisBenchmark, startRedis, storeValue } from './redis-server.js'
import { RequestCount } from './request-count.js'

const PEERS = ['relay', 'relay-reuse', 'haproxy', 'nginx', 'socat', 'go', 'go-2048', 'pipe']

interface Load {
  readonly flags: readonly string[]
  readonly valueBytes: number
  readonly warmUp: number
}

const LOADS: Readonly<Record<string, Load>> = {
  c1: { flags: ['-c', '1'], valueBytes: 3, warmUp: 5_000 },
  c50: { flags: ['-c', '50'], valueBytes: 3, warmUp: 30_000 },
  pipelined: { flags: ['-c', '50', '-P', '16'], valueBytes: 1024, warmUp: 60_000 },
}

/** Small requests and answers on connections that stay, by redis-benchmark. */
export const messages: Workload = {
  id: 'messages',
  name: 'Messages: redis-benchmark GET',
  cases: [
    { id: 'c50', name: '50 clients' },
    { id: 'c1', name: '1 client' },
    { id: 'pipelined', name: '50 clients, `-P 16 -d 1024`' },
  ],
  metrics: [
    { id: 'cpu', name: 'CPU of the relay', unit: 'µs/request', better: 'less', digits: 1 },
    { id: 'rate', name: 'rate', unit: 'requests/s', better: 'more', digits: 0 },
    { id: 'p50', name: 'p50', unit: 'ms', better: 'less', digits: 3 },
    { id: 'p99', name: 'p99', unit: 'ms', better: 'less', digits: 3 },
  ],
  async open(settings) {
    needPrograms(REDIS_PACKAGES)
    const redis = await startRedis()
    const peers = await PeerGroup.start({ ids: PEERS, direct: true }, redis.address, settings)
    const counts = new RequestCount(settings.seconds)
    let valueBytes = 0
    return {
      subjects: peers.subjects,
      async measure(subject, testCase) {
        const load = LOADS[testCase] as Load
        if (valueBytes !== load.valueBytes) {
          valueBytes = load.valueBytes
          await storeValue(redis.address, valueBytes)
        }
        const address = peers.address(subject)
        const run = (requests: number) => redisBenchmark(address, requests, load.flags)
        const key = `${subject} ${testCase}`
        const requests = await counts.next(key, async () => (await run(load.warmUp)).perSecond)
        const { result, cpu } = await measureCpu(peers.pid(subject), () => run(requests))
        counts.learn(key, result.perSecond)
        return {
          rate: result.perSecond,
          p50: result.p50Ms,
          p99: result.p99Ms,
          ...(cpu !== undefined && { cpu: (cpu / requests) * 1e6 }),
        }
      },
      async close() {
        await peers.stop()
        await redis.stop()
      },
    }
  },
}
