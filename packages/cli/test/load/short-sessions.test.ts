import { expect, test } from 'vitest'
import { describeWith } from '../real/support/programs.js'
import { startRelay } from '../real/support/relay-process.js'
import { NETWORK_PROGRAMS, ownNetwork } from './support/network.js'
import { PeerProcess } from './support/peer-process.js'
import { figures, sized } from './support/size.js'

const SESSIONS = sized(2_000, 50_000)
const EARLY = SESSIONS / 5

describeWith(NETWORK_PROGRAMS, `${SESSIONS} short sessions`, () => {
  test('none fails, and the relay has as many descriptors open after the last as after a fifth of them', async () => {
    const under = await ownNetwork()
    const echo = new PeerProcess(under, 'echo.mjs')
    const relay = await startRelay(`127.0.0.1:${await echo.number('port')}`, { under })
    const startedAt = performance.now()
    const clients = new PeerProcess(under, 'short-clients.mjs', relay.port, EARLY, SESSIONS)

    expect(await clients.says(`after ${EARLY}`)).toEqual({ [`after ${EARLY}`]: [] })
    await relay.expectBaseline()
    const early = relay.residentBytes().now
    await clients.tell(`on from ${EARLY}`)
    expect(await clients.says(`after ${SESSIONS}`)).toEqual({ [`after ${SESSIONS}`]: [] })
    const seconds = (performance.now() - startedAt) / 1_000
    await relay.expectBaseline()

    const late = relay.residentBytes().now
    figures(
      `${SESSIONS} short sessions`,
      `${relay.openDescriptors()} descriptors after ${EARLY} and after all; resident memory ${mib(early)} MiB, then ${mib(late)} MiB; ` +
        `${Math.round(SESSIONS / seconds)} a second`,
    )
    const sessions = await relay.ended(SESSIONS)
    expect(new Set(sessions.map(({ reason }) => reason))).toEqual(new Set(['client-end']))
    await relay.expectCleanEnd()
  })
})

function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}
