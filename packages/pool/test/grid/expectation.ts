import type { CloseReason } from '@relay/core'
import { isUnix, type Side } from './cells.js'
import { breaksOff, endsBoth, greets, isReplaced, isSilenced, looksLikeFin } from './claims.js'
import type { Ending } from './peer.js'
import { isMoving, type Plan } from './plan.js'

/** What a side receives of what the other has sent, and then. */
export interface View {
  readonly bytes: 'all' | 'prefix' | 'none'
  readonly endings: readonly Ending[]
}

/** How a run must go. Where more than one outcome is named, it is a race that nobody decides. */
export interface Expectation {
  readonly reasons: readonly CloseReason[]
  readonly client: View
  /** Absent when the upstream never has a connection of this session. */
  readonly upstream?: View
  /** The upstream may have no connection of this session, for it ended in time. */
  readonly upstreamMayMiss?: boolean
  /** Where the connection that served comes from. */
  readonly origin: Plan['origin']
}

const ALL_THEN_FIN: View = { bytes: 'all', endings: ['fin'] }
const PART_THEN_FIN: View = { bytes: 'prefix', endings: ['fin'] }
const PART_THEN_RESET: View = { bytes: 'prefix', endings: ['reset'] }
const NOTHING_THEN_RESET: View = { bytes: 'none', endings: ['reset'] }
/** The upstream notices nothing: its connection is the pool's again. */
const ALL_AND_OPEN: View = { bytes: 'all', endings: ['open'] }

export function expectationOf(plan: Plan): Expectation {
  const { client, upstream, ...rest } = onTcp(plan)
  return {
    ...rest,
    client: onCarrier(plan, 'client', client),
    ...(upstream && { upstream: onCarrier(plan, 'upstream', upstream) }),
  }
}

/**
 * A unix socket knows no reset: where the relay would send one, its peer sees the stream end. Only a peer that has just spoken, or
 * still does, may see a reset: its last bytes were unread, or its next were refused; and one that overtakes the FIN that came before.
 */
function onCarrier(plan: Plan, side: Side, view: View): View {
  const { carrier, fault } = plan
  if (!isUnix(carrier, side)) return view
  const speaks = !isSilenced(plan)
  const cut = view.endings.includes('reset')
  const overtaken = speaks && endsBoth(plan) && side !== plan.side && fault !== 'close'
  if (!cut && !overtaken) return view
  const others = view.endings.filter((ending) => ending !== 'reset' && ending !== 'fin')
  return { ...view, endings: [...others, 'fin', ...(speaks || isMoving(plan) ? ['reset'] : [])] }
}

function onTcp(plan: Plan): Expectation {
  const { fault, side, phase, carrier } = plan
  if (side === 'upstream' && phase === 'before-connect') return noUpstream(plan)
  if (side === 'upstream' && phase === 'connecting') {
    const inHandshake = carrier === 'tls'
    if (inHandshake && fault !== 'slow-write') return noUpstream(plan)
    if (!inHandshake && fault === 'reset') return resetAtOnce(plan)
    // The kernel has accepted it, and nobody else ever does.
    if (!inHandshake && fault === 'stall') {
      return { origin: plan.origin, reasons: ['idle-timeout'], client: NOTHING_THEN_RESET }
    }
  }
  if (isReplaced(plan)) return wholeExpectation({ ...plan, origin: 'dialed' })
  if (fault === 'fin' || fault === 'partial-write' || fault === 'close') return ended(plan)
  if (breaksOff(plan)) return reset(plan)
  if (fault === 'stall') return stalled(plan)
  return wholeExpectation(plan)
}

function noUpstream({ fault, origin }: Plan): Expectation {
  const reason = fault === 'stall' ? 'connect-timeout' : 'connect-failed'
  return { origin, reasons: [reason], client: NOTHING_THEN_RESET }
}

/** The kernel may tell of the reset as it tells of the connection. */
function resetAtOnce({ origin }: Plan): Expectation {
  return {
    origin,
    reasons: ['upstream-reset', 'connect-failed'],
    client: NOTHING_THEN_RESET,
  }
}

/** Nobody does anything wrong in the end: all arrives, and so do both FINs. */
export function wholeExpectation(plan: Plan): Expectation {
  const { origin, otherEnded, side, endsFirst } = plan
  const first = otherEnded ? other(side) : endsFirst === 'upstream' ? 'upstream' : 'client'
  // The client's FIN is not the upstream's business when its connection is good for another session.
  const kept = plan.shared && first === 'client' && !(plan.phase === 'connecting' && greets(plan))
  return {
    origin,
    reasons: [`${first}-end`],
    client: ALL_THEN_FIN,
    upstream: kept ? ALL_AND_OPEN : ALL_THEN_FIN,
  }
}

/** Both send FIN at the same moment. Where the first one ends both, what the other said with its own may come too late. */
export function bothEnd({ origin, halfClose }: Plan): Expectation {
  const view = halfClose === 'close' ? PART_THEN_FIN : ALL_THEN_FIN
  return { origin, reasons: ['client-end', 'upstream-end'], client: view, upstream: view }
}

/** One side says less than it meant to, and then FIN. */
function ended(plan: Plan): Expectation {
  const { fault, side, phase, origin, shared, otherEnded, earlyBytes, halfClose } = plan
  const whole = fault === 'fin' || (fault === 'close' && (phase === 'idle' || earlyBytes === 0))
  const kept = shared && side === 'client' && whole && !otherEnded
  const heard = kept ? ALL_AND_OPEN : ALL_THEN_FIN
  // Whoever closes has read what there was. Where the first FIN ends both, that side gets what was received of the other until then.
  const atRest = phase === 'idle' || phase === 'first-byte'
  const back = halfClose === 'close' && !atRest ? PART_THEN_FIN : ALL_THEN_FIN
  const own: View = fault === 'close' ? { bytes: 'all', endings: [otherEnded ? 'fin' : 'gone'] } : back
  const reasons = [`${otherEnded ? other(side) : side}-end`] as const
  return side === 'client'
    ? { origin, reasons, client: own, upstream: heard }
    : { origin, reasons, client: heard, upstream: own }
}

function reset(plan: Plan): Expectation {
  const { side, phase, origin, otherEnded } = plan
  const hidden = looksLikeFin(plan)
  const reasons: CloseReason[] = [`${side}-reset`]
  if (hidden) reasons.push(`${otherEnded ? other(side) : side}-end`)
  // Of the end that it had seen before it went there is no second one.
  const gone: View = { bytes: 'prefix', endings: [otherEnded ? 'fin' : 'gone'] }
  const seen: View = {
    // At rest all that was said has arrived.
    bytes: phase === 'idle' || phase === 'first-byte' ? 'all' : 'prefix',
    endings: hidden ? ['reset', 'fin'] : ['reset'],
  }
  if (side === 'upstream') return { origin, reasons, client: seen, upstream: gone }
  const early = phase === 'before-connect' || phase === 'connecting'
  return {
    origin,
    reasons,
    client: gone,
    upstream: { ...seen, endings: afterClient(plan, seen.endings) },
    upstreamMayMiss: early,
  }
}

/** Nothing moves any more, until a deadline ends it. */
function stalled(plan: Plan): Expectation {
  const { side, phase, origin, otherEnded, shortDrain } = plan
  const reason =
    phase === 'draining' && shortDrain ? 'draining' : otherEnded ? 'linger-timeout' : 'idle-timeout'
  // What was sent a FIN is not reset.
  const self: View = { bytes: 'prefix', endings: [otherEnded ? 'fin' : 'reset'] }
  if (side === 'upstream') return { origin, reasons: [reason], client: PART_THEN_RESET, upstream: self }
  const endings = afterClient(plan, PART_THEN_RESET.endings)
  return { origin, reasons: [reason], client: self, upstream: { bytes: 'prefix', endings } }
}

/** What the upstream sees of a client that is cut off: nothing, when its connection is as good as before. */
function afterClient(plan: Plan, cut: readonly Ending[]): readonly Ending[] {
  const { phase, origin, shared, earlyBytes, main, otherEnded } = plan
  if (otherEnded) return cut
  if (phase === 'idle') return shared ? ['open'] : cut
  const silent = earlyBytes === 0
  if (isMoving(plan) || !silent) {
    const wholeLines = isMoving(plan) || main.up.lineEnds.includes(earlyBytes)
    // Whether an answer is outstanding at that very moment only the proof knows.
    return shared && wholeLines ? [...cut, 'open'] : cut
  }
  return shared || origin === 'prewarmed' ? ['open'] : cut
}

function other(side: Side): Side {
  return side === 'client' ? 'upstream' : 'client'
}
