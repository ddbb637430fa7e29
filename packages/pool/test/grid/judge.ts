import type { Expectation, View } from './expectation.js'
import type { Ending, GridPeer } from './peer.js'
import type { GridSession } from './session.js'

/** Where a session went another way than it must. */
export function judge(session: GridSession, expected: Expectation): string[] {
  const { client, upstream, closed } = session
  const failures: string[] = []
  const reason = closed?.result.reason
  if (reason === undefined || !expected.reasons.includes(reason)) {
    failures.push(`closed as ${reason}, not as ${expected.reasons.join(' or ')} (${session.state})`)
  }
  const lease = session.leases.at(-1)
  if (lease !== undefined && lease.origin !== expected.origin) {
    failures.push(`its connection was ${lease.origin}, not ${expected.origin} (${session.poolState})`)
  }
  if (client !== undefined) {
    failures.push(...compare('client', client, upstream?.sent ?? 0, client.ending, expected.client))
  }
  if (upstream === undefined) {
    if (expected.upstream !== undefined && !expected.upstreamMayMiss)
      failures.push('the upstream has not heard of it')
  } else if (expected.upstream !== undefined) {
    const ending = session.givenBack ? 'open' : upstream.ending
    failures.push(...compare('upstream', upstream, client?.sent ?? 0, ending, expected.upstream))
  }
  return failures
}

/** Where a side saw something else than it must have of the `sent` bytes that the other had said. */
export function compare(
  side: string,
  peer: GridPeer,
  sent: number,
  ending: Ending,
  expected: View,
): string[] {
  const failures: string[] = []
  const { receivedBytes } = peer
  const most = expected.bytes === 'none' ? 0 : sent
  const least = expected.bytes === 'all' ? sent : 0
  if (receivedBytes > most || receivedBytes < least) {
    failures.push(`the ${side} received ${receivedBytes} of ${sent} B, must be ${expected.bytes}`)
  }
  if (!expected.endings.includes(ending)) {
    failures.push(`the ${side} saw ${ending}, not ${expected.endings.join(' or ')}`)
  }
  return failures
}
