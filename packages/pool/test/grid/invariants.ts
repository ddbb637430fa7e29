import { getEventListeners } from 'node:events'
import type { Duplex } from 'node:stream'
import type { CloseReason, RelayResult } from '@relay/core'
import { isUnix, type Side } from './cells.js'
import { breaksOff, endsBoth, isSilenced, looksLikeFin } from './claims.js'
import type { GridPeer } from './peer.js'
import type { Plan } from './plan.js'
import type { LeaseRecord } from './record.js'
import type { RelayRig } from './relay-rig.js'
import type { GridSession } from './session.js'

// What holds after every run, whatever it was about. Descriptors, handles, listeners of the process, warnings and uncaught errors are
// the Baseline's; that each state has a deadline, run-cell's.

const BY_THE_PEERS: readonly CloseReason[] = ['client-end', 'upstream-end']

/** What holds for a session that is over. */
export function invariantsOfSession(session: GridSession, plan: Plan): string[] {
  const { client, upstream, closed } = session
  if (client === undefined || closed === undefined) return ['the session has not been']
  const failures: string[] = []
  // Bytes, as they were sent, and nobody else's.
  for (const [side, peer] of Object.entries({ client, upstream })) {
    const fault = peer?.faultOfReceived
    if (fault !== undefined) failures.push(`the ${side} received what was not sent to it: ${fault}`)
  }
  const { result } = closed
  const byThePeers = BY_THE_PEERS.includes(result.reason)
  if (byThePeers && upstream !== undefined && !breaksOff(plan) && !endsBoth(plan)) {
    failures.push(...nothingLeft(session, result))
  }
  failures.push(...lostOnTheWay(session, result, plan))
  if (looksLikeFin(plan)) return failures
  // A FIN for a FIN, and for nothing else: what was cut must not look whole, where the carrier can tell.
  const { carrier, halfClose } = plan
  const answered = session.givenBack || halfClose === 'close'
  if (client.ending === 'fin' && (byThePeers || !isUnix(carrier, 'client'))) {
    if (!upstream?.finSent && !(client.finSent && answered)) {
      failures.push(`the client saw a FIN that the upstream has not sent (${session.state})`)
    }
  }
  if (upstream?.ending === 'fin' && (byThePeers || !isUnix(carrier, 'upstream'))) {
    if (!session.givenBack && !client.finSent && !(upstream.finSent && halfClose === 'close')) {
      failures.push(`the upstream saw a FIN that the client has not sent (${session.state})`)
    }
  }
  return failures
}

// Whoever was paused went on: after a clean end no byte is left on the way.
function nothingLeft({ client, upstream, state }: GridSession, { up, down }: RelayResult): string[] {
  const failures: string[] = []
  if (client === undefined || upstream === undefined) return failures
  if (client.sent !== upstream.receivedBytes || upstream.sent !== client.receivedBytes) {
    failures.push(`bytes are left on the way after a clean end (${state})`)
  }
  if (up.bytes !== client.sent || down.bytes !== upstream.sent) {
    failures.push(
      `the result counts ${up.bytes} B up and ${down.bytes} B down, not ${client.sent} and ${upstream.sent}`,
    )
  }
  for (const [side, { ending }] of Object.entries({ client, upstream })) {
    if (ending === 'reset') failures.push(`the ${side} saw a reset though both sides ended by FIN`)
  }
  return failures
}

// However a peer ended the session: what the relay had handed on arrives before the end does.
function lostOnTheWay(
  { client, upstream }: GridSession,
  { reason, up, down }: RelayResult,
  plan: Plan,
): string[] {
  if (!/-(end|reset)$/.test(reason) || client === undefined || upstream === undefined) return []
  const failures: string[] = []
  // A unix peer that still speaks is told by a write that fails, and Node drops what it has not read.
  const isTold = (side: Side, { ending }: GridPeer): boolean =>
    ending === 'gone' || (ending === 'reset' && isUnix(plan.carrier, side) && !isSilenced(plan))
  if (!isTold('client', client) && client.receivedBytes < down.bytes) {
    failures.push(`the client received ${client.receivedBytes} B of ${down.bytes} that were handed on to it`)
  }
  if (!isTold('upstream', upstream) && upstream.receivedBytes < up.bytes) {
    failures.push(
      `the upstream received ${upstream.receivedBytes} B of ${up.bytes} that were handed on to it`,
    )
  }
  return failures
}

/** Opened and closed once each, with one reason, the same wherever it is told. */
export function invariantsOfRecord({ record, server }: RelayRig): string[] {
  const failures: string[] = []
  const same = (what: string, one: unknown, two: unknown): void => {
    if (JSON.stringify(one) !== JSON.stringify(two)) {
      failures.push(`${what}: ${JSON.stringify(one)} and ${JSON.stringify(two)}`)
    }
  }
  const { opened, closed, openCallbacks, closeCallbacks } = record
  same('sessions opened, and by callback', opened, openCallbacks)
  same('sessions closed, and by callback', closed.map(briefly), closeCallbacks.map(briefly))
  same('sessions opened and closed', [...opened].sort(), closed.map(({ id }) => id).sort())
  const counted: Record<string, number> = {}
  for (const { result } of closed) counted[result.reason] = (counted[result.reason] ?? 0) + 1
  const { active, accepted, rejected, ...stats } = server.stats()
  same('active, accepted, rejected', [active, accepted, rejected], [0, opened.length, 0])
  same('reasons', sorted(counted), sorted(stats.closed))
  for (const direction of ['up', 'down'] as const) {
    const bytes = closed.reduce((sum, { result }) => sum + result[direction].bytes, 0)
    same(`bytes ${direction}`, bytes, stats[direction].bytes)
  }
  return failures
}

/** Every borrow was settled once, and left no listener. */
export function invariantsOfConnector({ record, pool }: RelayRig): string[] {
  const failures: string[] = []
  const atFirst = new Map<Duplex, LeaseRecord['listenersBefore']>()
  for (const { origin, socket, endings, listenersBefore, listenersAfter, signal } of record.leases) {
    if (endings.length !== 1)
      failures.push(`a ${origin} lease was settled ${endings.length} times: ${endings}`)
    const before = atFirst.get(socket) ?? listenersBefore
    atFirst.set(socket, before)
    for (const now of [listenersBefore, listenersAfter ?? before]) {
      if (JSON.stringify(sorted(before)) === JSON.stringify(sorted(now))) continue
      failures.push(`a connection that had listeners ${JSON.stringify(before)} has ${JSON.stringify(now)}`)
    }
    const left = getEventListeners(signal, 'abort').length
    if (left > 0) failures.push(`${left} listeners are left on the signal of a session`)
  }
  if (pool === undefined) return failures
  const stats = pool.stats()
  const { borrows, hits, misses, timeouts, aborted, failed, refused, waiting } = stats
  if (borrows !== hits + misses + timeouts + aborted + failed + refused + waiting || waiting > 0) {
    failures.push(`borrows do not add up: ${JSON.stringify(stats)}`)
  }
  const { late = 0, ...reasons } = stats.closed
  const destroyed = Object.values(reasons).reduce((sum, count) => sum + count, 0)
  if (stats.created !== destroyed + stats.detached || stats.total !== 0 || stats.lateCalls !== 0) {
    failures.push(
      `the closed pool still holds something, or was told twice: ${JSON.stringify({ late, ...stats })}`,
    )
  }
  return failures
}

function briefly({ id, result }: { id: string; result: RelayResult }): unknown {
  return [id, result.reason, result.up.bytes, result.down.bytes]
}

function sorted(counts: Readonly<Record<string, number>>): unknown {
  return Object.entries(counts).sort(([one], [two]) => (one < two ? -1 : 1))
}
