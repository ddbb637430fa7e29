import { greets, isReplaced } from './claims.js'
import type { Keeper } from './keeper.js'
import { reachFlood } from './late-reading.js'
import type { GridPeer } from './peer.js'
import { floodOf, isMoving, type Plan } from './plan.js'
import type { RelayRig } from './relay-rig.js'
import type { EndsFirst } from './script.js'
import type { GridSession } from './session.js'
import type { UpstreamRig } from './upstream-rig.js'

const ALL = Number.POSITIVE_INFINITY

/** Has the upstream listen as the phase wants it. */
export async function openUpstream(plan: Plan, upstream: UpstreamRig, keeper: Keeper): Promise<void> {
  const { fault, side, phase, carrier } = plan
  const tls = carrier === 'tls'
  if (side === 'upstream' && phase === 'before-connect') {
    await (fault === 'reset' ? upstream.refuse() : upstream.listenHeld(keeper, true))
  } else if (phase === 'connecting' && !tls && side === 'client') {
    await upstream.listenHeld(keeper, true)
  } else if (phase === 'connecting' && !tls && fault === 'stall') {
    await upstream.listenHeld(keeper, false)
  } else {
    await upstream.listen()
    if (phase !== 'connecting') return
    if (side === 'client' || fault === 'stall') upstream.welcome = 'withhold'
    else if (fault === 'slow-write') upstream.welcome = tls ? 'slow-handshake' : 'serve'
    else upstream.welcome = fault as 'fin' | 'reset' | 'close'
  }
}

/** Who ends the session when no fault does. */
export function endsFirst(plan: Plan): EndsFirst {
  const { fault, side, otherEnded } = plan
  if (otherEnded) return side === 'upstream' ? 'client-early' : 'nobody'
  return isReplaced(plan) || fault === 'slow-read' || fault === 'slow-write' ? plan.endsFirst : 'nobody'
}

/** What the client may say before the fault. */
export function clientHold(plan: Plan): number {
  const { fault, side, phase, carrier, main, restAfter, earlyBytes } = plan
  const { up } = main
  const flood = floodOf(plan)
  if (flood?.from === 'client') return up.endOf(1)
  // Its last line is what the upstream will leave unread.
  if (side === 'upstream' && isMoving(plan) && fault === 'close-unread')
    return up.endOf(up.lineEnds.length - 1)
  if (flood !== undefined) return ALL
  if (side === 'client' && isMoving(plan)) return Math.floor(0.8 * up.length)
  if (phase === 'idle') return up.endOf(restAfter)
  // What is said before anything was asked must come before anything is.
  if (phase === 'connecting' && greets(plan)) return 0
  if (side === 'client') return earlyBytes
  if (phase === 'connecting' && fault === 'close' && carrier !== 'tls') return 0
  if (phase === 'first-byte' && fault === 'close-unread') return 0
  return phase === 'first-byte' ? up.endOf(restAfter) : ALL
}

/** What the upstream may say before the fault. */
export function upstreamHold(plan: Plan): number {
  const { fault, side, phase, main, earlyBytes, part, otherEnded } = plan
  const flood = floodOf(plan)
  if (flood?.from === 'upstream') return main.down.endOf(1)
  // What a client is to leave unread.
  if (flood !== undefined) return fault === 'close-unread' ? 0 : ALL
  if (side === 'client') return ALL
  if (phase === 'first-byte') return earlyBytes
  if (!isMoving(plan)) return ALL
  return Math.floor((otherEnded ? part : 0.8) * main.down.length)
}

/** Resolves when the session is in the phase; with the side that is to fail, if it is there to be told. */
export async function reach(plan: Plan, session: GridSession): Promise<void> {
  const { fault, side, phase, main, restAfter, part, otherEnded, lateReader, late } = plan
  const { condition } = session
  const client = session.client as GridPeer
  if (phase === 'before-connect' || phase === 'connecting') {
    // An upstream's fault in these is in how it welcomes the relay.
    await condition.met(() => session.asked && (side === 'upstream' || client.atHold))
    if (greets(plan)) await condition.met(() => client.receivedBytes > 0)
    return
  }
  await condition.met(() => session.upstream !== undefined)
  const upstream = session.upstream as GridPeer
  const [faulty, other] = side === 'client' ? [client, upstream] : [upstream, client]
  const meant = side === 'client' ? main.up : main.down
  if (late !== 'nobody') return reachFlood(plan, session)
  if (phase === 'first-byte' && fault === 'close-unread') return
  if (phase === 'first-byte') {
    await condition.met(
      () => faulty.atHold && client.receivedBytes === upstream.sent && upstream.receivedBytes === client.sent,
    )
    if (side === 'upstream')
      await condition.met(() => client.atHold && upstream.receivedBytes === client.sent)
  } else if (phase === 'idle') {
    await condition.met(() => client.atHold && client.receivedBytes === main.down.endOf(restAfter))
  } else if (isMoving(plan)) {
    const enough = Math.min(Math.floor(part * meant.length), meant.endOf(meant.lineEnds.length - 1))
    await condition.met(() => faulty.sent >= enough && faulty.receivedBytes > 0)
    if (otherEnded) {
      if (side === 'client') upstream.finish('line')
      await condition.met(() => faulty.ending === 'fin')
    }
    if (!lateReader) return
    other.readSlowly()
    faulty.hold(Math.floor(0.95 * meant.length))
    await condition.met(() => faulty.atHold)
    // A writer hears of the reset by its next write, and Node drops what it has not read.
    other.hold(other.sent)
    await condition.met(() => other.isFlushed)
  }
}

/** The fault, in the pool; resolves when the pool knows, where it can. */
export async function failInPool(
  plan: Plan,
  relay: RelayRig,
  upstream: UpstreamRig,
  session: GridSession,
): Promise<void> {
  const { fault, before } = plan
  const idle = upstream.lastPeer as GridPeer
  const { condition } = session
  const closedBefore = relay.record.poolClosed
  if (greets(plan)) {
    idle.writeSlowly()
    session.serve(idle)
    idle.allow(plan.main.down.endOf(1))
    return condition.met(() => idle.sent > 0)
  }
  if (fault === 'stall') return idle.stall()
  if (fault === 'slow-read') return idle.readSlowly()
  if (fault === 'fin') idle.end()
  else if (fault === 'reset') idle.reset()
  else if (fault === 'close') idle.close(false)
  else {
    // Bytes of a session that is over: nobody may ever get them.
    idle.begin(before.down, before.up, 64, condition.changed)
    if (fault === 'slow-write') idle.writeSlowly()
    else idle.finish('half a line')
    idle.allow(before.down.length)
  }
  await condition.met(() => relay.record.poolClosed > closedBefore)
}
