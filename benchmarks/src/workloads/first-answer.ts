import { join } from 'node:path'
import { delayedNetwork } from '../link/delayed-network.js'
import { needPrograms } from '../need-programs.js'
import { type PeerChoice, subjectsOf } from '../peers/peer-group.js'
import type { Route } from '../peers/peer-program.js'
import { peerPrograms } from '../peers/peer-programs.js'
import { type RunningPeer, startPeer } from '../peers/running-peer.js'
import { type Address, formatAddress, freePort } from '../processes/free-port.js'
import { listening } from '../processes/listening.js'
import { programFile } from '../processes/node-program.js'
import { Program, runProgram } from '../processes/program.js'
import { tempFolder } from '../processes/temp-folder.js'
import { quantile } from '../statistics.js'
import type { Workload } from '../workload.js'

const ONE_WAY_MS = 20
const NAME = 'upstream.test'
const SESSIONS_PER_SECOND = 5

const NO_TLS = { tls: 'speaks no TLS to the upstream' }
const PEERS: PeerChoice = {
  ids: ['relay', 'relay-prewarm', 'relay-reuse', 'haproxy', 'nginx', 'socat', 'go', 'pipe'],
  direct: true,
  skips: Object.fromEntries(peerPrograms.filter((one) => !one.speaksTls).map(({ id }) => [id, NO_TLS])),
}

/** How long a new client waits for its first answer when the upstream is far. */
export const firstAnswer: Workload = {
  id: 'first-answer',
  name: 'First answer of a new session, upstream 40 ms away',
  cases: [
    { id: 'tcp', name: 'TCP to the upstream' },
    { id: 'tls', name: 'TLS to the upstream' },
  ],
  metrics: [
    { id: 'p50', name: 'connect to first answer, median', unit: 'ms', better: 'less', digits: 1 },
    { id: 'p99', name: 'p99', unit: 'ms', better: 'less', digits: 1 },
  ],
  async open(settings) {
    needPrograms({ 'redis-server': 'redis-server', openssl: 'openssl' })
    const network = await delayedNetwork(ONE_WAY_MS)
    const folder = tempFolder()
    const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
    await makeCertificate(certificate, key, network.farHost)
    const ports = { tcp: (await freePort()).port, tls: (await freePort()).port }
    const redis = new Program(network.far[0] as string, [
      ...[...network.far.slice(1), 'redis-server', '--bind', network.farHost, '--protected-mode', 'no'],
      ...['--save', '', '--port', `${ports.tcp}`, '--tls-port', `${ports.tls}`],
      ...['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-auth-clients', 'no'],
    ])
    const subjects = subjectsOf(PEERS, settings)
    const running = new Map<string, RunningPeer>()
    const upstreams: Record<string, Address> = {
      tcp: { host: network.farHost, port: ports.tcp },
      tls: { host: network.farHost, port: ports.tls },
    }
    await listening(redis, upstreams.tls as Address)
    const tls = { authorityFile: certificate, name: NAME }
    for (const { id, skips = {}, missing } of subjects) {
      const program = peerPrograms.find((candidate) => candidate.id === id)
      if (program === undefined || missing !== undefined) continue
      for (const testCase of ['tcp', 'tls'].filter((one) => skips[one] === undefined)) {
        const upstream = upstreams[testCase] as Address
        const route: Route = { listen: await freePort(), upstream, ...(testCase === 'tls' && { tls }) }
        running.set(`${id} ${testCase}`, await startPeer(program, route, network.near))
      }
    }
    return {
      subjects,
      async measure(subject, testCase) {
        const peer = running.get(`${subject} ${testCase}`)
        const address = peer?.address ?? (upstreams[testCase] as Address)
        const [command, ...inside] = network.near as [string, ...string[]]
        const sessions = `${settings.seconds * SESSIONS_PER_SECOND}`
        // A relay speaks plain TCP to its client; without one the client has the handshake to make.
        const directTls = peer === undefined && testCase === 'tls' ? [certificate, NAME] : []
        const script = [process.execPath, programFile('first-answer'), formatAddress(address), sessions]
        const times = JSON.parse(await runProgram(command, [...inside, ...script, ...directTls])) as number[]
        // The first one of a pool that learns is not what its clients know it by.
        return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
      },
      async close() {
        await Promise.all([...running.values()].map((peer) => peer.stop()))
        await redis.stop()
        await network.close()
      },
    }
  },
}

// Signed by itself: every client is told to trust this one, and all of them verify it.
async function makeCertificate(certificate: string, key: string, host: string): Promise<void> {
  await runProgram('openssl', [
    ...['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2'],
    ...['-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME},IP:${host}`],
    ...['-keyout', key, '-out', certificate],
  ])
}
