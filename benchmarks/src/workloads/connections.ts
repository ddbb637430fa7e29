import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needPrograms } from '../need-programs.js'
import { fillTemplate } from '../peers/fill-template.js'
import { PeerGroup } from '../peers/peer-group.js'
import { type Address, formatAddress, freePort } from '../processes/free-port.js'
import { listening } from '../processes/listening.js'
import { measureCpu } from '../processes/measure-cpu.js'
import { Program } from '../processes/program.js'
import { tempFolder } from '../processes/temp-folder.js'
import type { Workload } from '../workload.js'
import { REDIS_PACKAGES, redisBenchmark, startRedis } from './redis-server.js'
import { RequestCount } from './request-count.js'
import { wrk } from './wrk.js'

const OURS = ['relay', 'relay-workers', 'relay-prewarm']
const PEERS = ['haproxy', 'haproxy-threads', 'nginx', 'nginx-workers', 'socat', 'go', 'go-2048', 'pipe']
const CLIENTS = '50'
// Until V8 has compiled what is run for each connection: a relay runs for weeks.
const WARM_UP_SECONDS = 4
const WARM_UP = 20_000

/** A connection for every request. */
export const connections: Workload = {
  id: 'connections',
  name: 'Connections: one request on each',
  cases: [
    { id: 'http', name: 'wrk, `Connection: close`, nginx behind' },
    { id: 'redis', name: 'redis-benchmark, `-k 0`, redis behind' },
  ],
  metrics: [
    { id: 'cpu', name: 'CPU of the relay', unit: 'µs/connection', better: 'less', digits: 1 },
    { id: 'rate', name: 'rate', unit: 'connections/s', better: 'more', digits: 0 },
    { id: 'failed', name: 'failed', unit: 'connections', better: 'less', digits: 0 },
  ],
  async open(settings) {
    needPrograms({ wrk: 'wrk', nginx: 'nginx', ...REDIS_PACKAGES })
    const web = await startNginx()
    const redis = await startRedis()
    const ids = [...OURS, ...PEERS]
    const webPeers = await PeerGroup.start({ ids, direct: true }, web.address, settings)
    const redisPeers = await PeerGroup.start(
      { ids: [...ids, 'relay-reuse'], direct: true, skips: { 'relay-reuse': { http: 'no redis' } } },
      redis.address,
      settings,
    )
    const counts = new RequestCount(settings.seconds)
    return {
      subjects: redisPeers.subjects,
      async warmUp(subject, testCase) {
        if (testCase === 'http') await wrk(webPeers.address(subject), WARM_UP_SECONDS, CLIENTS)
      },
      async measure(subject, testCase) {
        const peers = testCase === 'http' ? webPeers : redisPeers
        const address = peers.address(subject)
        const ask = (requests: number) => redisBenchmark(address, requests, ['-c', CLIENTS, '-k', '0'])
        const requests =
          testCase === 'http' ? 0 : await counts.next(subject, async () => (await ask(WARM_UP)).perSecond)
        const work = async () => {
          if (testCase === 'http') return wrk(address, settings.seconds, CLIENTS)
          const { perSecond } = await ask(requests)
          return { perSecond, done: requests, failed: 0 }
        }
        const { result, cpu } = await measureCpu(peers.pid(subject), work)
        if (testCase === 'redis') counts.learn(subject, result.perSecond)
        return {
          rate: result.perSecond,
          failed: result.failed,
          ...(cpu !== undefined && { cpu: (cpu / result.done) * 1e6 }),
        }
      },
      async close() {
        await Promise.all([webPeers.stop(), redisPeers.stop()])
        await Promise.all([web.stop(), redis.stop()])
      },
    }
  },
}

async function startNginx(): Promise<{ address: Address; stop: () => Promise<void> }> {
  const address = await freePort()
  const folder = tempFolder()
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, fillTemplate('nginx-upstream.conf', { folder, listen: formatAddress(address) }))
  const program = new Program('nginx', ['-p', folder, '-e', 'stderr', '-c', file])
  await listening(program, address)
  return { address, stop: () => program.stop() }
}
