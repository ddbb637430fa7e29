import { expect, test } from 'vitest'
import { describeWith } from '../real/support/programs.js'
import { type RelayProcess, startRelay } from '../real/support/relay-process.js'
import { NETWORK_PROGRAMS, ownNetwork } from './support/network.js'
import { PeerProcess } from './support/peer-process.js'
import { figures, sized } from './support/size.js'

const KIB = 1024
const MIB = 1024 * KIB
const SESSIONS = sized(200, 2_000)
const OFFERED_BYTES = 8 * MIB
const MOST_BYTES = SESSIONS * 160 * KIB + 64_000_000

describeWith(NETWORK_PROGRAMS, `${SESSIONS} sessions with a side that reads nothing`, () => {
  test('8 MiB for each client cost 160 KiB a session at most, and all arrives when they read', async () => {
    const under = await ownNetwork()
    const upstream = new PeerProcess(under, 'offer.mjs', 'upstream', 'send', OFFERED_BYTES)
    const relay = await startRelay(`127.0.0.1:${await upstream.number('port')}`, { under })
    const atStart = relay.residentBytes().now
    const clients = new PeerProcess(
      under,
      'offer.mjs',
      'clients',
      'hold',
      OFFERED_BYTES,
      relay.port,
      SESSIONS,
    )
    expectBounded('the clients read nothing', relay, atStart, await upstream.number('stuck'))
    await expectAll(clients, relay)
  })

  test('8 MiB from each client cost 160 KiB a session at most, and all arrives when the upstream reads', async () => {
    const under = await ownNetwork()
    const upstream = new PeerProcess(under, 'offer.mjs', 'upstream', 'hold', OFFERED_BYTES)
    const relay = await startRelay(`127.0.0.1:${await upstream.number('port')}`, { under })
    const atStart = relay.residentBytes().now
    const clients = new PeerProcess(
      under,
      'offer.mjs',
      'clients',
      'send',
      OFFERED_BYTES,
      relay.port,
      SESSIONS,
    )
    expectBounded('the upstream reads nothing', relay, atStart, await clients.number('stuck'))
    await expectAll(upstream, relay)
  })
})

function expectBounded(claim: string, relay: RelayProcess, atStart: number, takenBytes: number): void {
  const { now, peak } = relay.residentBytes()
  figures(
    `${SESSIONS} sessions, ${claim}`,
    `${perSession(now - atStart)} KiB of resident memory each (at most ${perSession(peak - atStart)}), ` +
      `${perSession(takenBytes)} KiB of the 8 MiB taken from the sender`,
  )
  expect(peak - atStart).toBeLessThanOrEqual(MOST_BYTES)
  // Had the kernels taken it all, nothing would be shown.
  expect(takenBytes).toBeLessThan((SESSIONS * OFFERED_BYTES) / 2)
}

async function expectAll(reader: PeerProcess, relay: RelayProcess): Promise<void> {
  await reader.tell('read')
  expect(await reader.says('whole')).toEqual({ read: SESSIONS * OFFERED_BYTES, whole: SESSIONS })
  const sessions = await relay.ended(SESSIONS)
  expect(sessions.filter(({ reason }) => !reason.endsWith('-end'))).toEqual([])
  await relay.expectCleanEnd()
}

function perSession(bytes: number): number {
  return Math.round(bytes / SESSIONS / KIB)
}
