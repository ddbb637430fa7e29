import { isUnix } from './cells.js'
import { isMoving, type Plan } from './plan.js'

// What follows from a plan, for those who play it and for those who judge it.

// A reset that comes with data behind the relay's own FIN, or on a unix socket, is a FIN to Node 20 and 22.
const NODE_HIDES_RESETS = Number(process.versions.node.split('.')[0]) < 24

/** The session gets another connection for one that ended before the session had said or heard anything. */
export function isReplaced({ fault, side, phase, origin, earlyBytes, restAfter }: Plan): boolean {
  if (side !== 'upstream') return false
  if (phase === 'in-pool') {
    return (
      fault === 'fin' ||
      fault === 'reset' ||
      fault === 'close' ||
      fault === 'partial-write' ||
      (fault === 'slow-write' && origin === 'reused')
    )
  }
  const silent = phase === 'first-byte' && earlyBytes === 0 && restAfter === 0
  return silent && origin !== 'dialed' && (fault === 'fin' || fault === 'reset' || fault === 'close')
}

/** The upstream speaks before it is asked, as some protocols do. */
export function greets({ fault, side, phase, carrier, origin }: Plan): boolean {
  if (side !== 'upstream' || fault !== 'slow-write') return false
  return phase === 'connecting' ? carrier !== 'tls' : phase === 'in-pool' && origin === 'prewarmed'
}

/** The side that fails says less than it may have meant to, and the other must not take it for the whole. */
export function breaksOff({ fault }: Plan): boolean {
  return fault === 'reset' || fault === 'close-unread'
}

/** A reset that Node may show as FIN: docs/lifecycle.md lists them. */
export function looksLikeFin(plan: Plan): boolean {
  if (!NODE_HIDES_RESETS || !breaksOff(plan) || !isMoving(plan)) return false
  return plan.otherEnded || isUnix(plan.carrier, plan.side)
}

/** The first FIN ends both sides, and here there is one. */
export function endsBoth({ halfClose, fault }: Plan): boolean {
  return halfClose === 'close' && (fault === 'fin' || fault === 'partial-write' || fault === 'close')
}

/**
 * The other side says no more once the fault has come: what is sent to a socket that is closed is answered by a reset, and whether that
 * or the end is seen first nobody decides. A peer whose write was refused has lost what it had not read.
 */
export function isSilenced(plan: Plan): boolean {
  const { fault, side, phase, late } = plan
  if (isReplaced(plan) || phase === 'in-pool') return false
  // The upstream is not there yet.
  if (side === 'client' && (phase === 'before-connect' || phase === 'connecting')) return false
  if (endsBoth(plan)) return late !== 'self'
  return fault === 'close' || fault === 'close-unread'
}
