const FAULTS = [
  'fin',
  'reset',
  'close',
  'close-unread',
  'stall',
  'slow-read',
  'slow-write',
  'partial-write',
] as const
const SIDES = ['client', 'upstream'] as const
const PHASES = [
  'before-connect',
  'connecting',
  'first-byte',
  'mid-transfer',
  'idle',
  'draining',
  'in-pool',
] as const

/** `close`: the whole socket is closed, with all read that came; `close-unread`: with bytes unread, which resets the connection. */
type Fault = (typeof FAULTS)[number]
export type Side = (typeof SIDES)[number]
type Phase = (typeof PHASES)[number]

/** What the bytes pass on their way: TCP alone, TLS to the upstream, a stage, or unix sockets on both sides or on the one that is named. */
export type Carrier = 'plain' | 'tls' | 'stage' | 'unix' | 'unix-client' | 'unix-upstream'

/** One fault, of one side, in one phase of a session. */
export interface Cell {
  readonly fault: Fault
  readonly side: Side
  readonly phase: Phase
}

/** One cell, in one of the ways to carry a session. */
export interface GridRun extends Cell {
  readonly carrier: Carrier
  /** Whether the upstream connection serves its first session, or comes from a pool. */
  readonly source: 'fresh' | 'pooled'
  readonly halfClose: 'forward' | 'close'
  /** Who reads only when the fault has happened: nobody, the side that does not fail, or the one that does. */
  readonly late: 'nobody' | 'other' | 'self'
}

export function nameOf({ side, fault, phase, carrier, source, halfClose, late }: GridRun): string {
  const parts = [`${side} ${fault} ${phase}`, carrier, source]
  if (halfClose === 'close') parts.push('the first FIN ends both')
  if (late !== 'nobody') parts.push(late === 'self' ? 'it reads late' : 'the other reads late')
  return parts.join(', ')
}

export function isUnix(carrier: Carrier, side: Side): boolean {
  return carrier === 'unix' || carrier === `unix-${side}`
}

/** The cells that exist on a carrier. */
export function cellsOf(carrier: Carrier): Cell[] {
  return PHASES.flatMap((phase) =>
    SIDES.flatMap((side) => FAULTS.map((fault) => ({ fault, side, phase }))),
  ).filter((cell) => exists(cell, carrier))
}

function exists({ fault, side, phase }: Cell, carrier: Carrier): boolean {
  // No client has ever seen the pool.
  if (side === 'client' && phase === 'in-pool') return false
  const unix = isUnix(carrier, side)
  // Before anybody connects to it an upstream can only refuse, or not answer; a unix socket answers at once, one way or the other.
  if (side === 'upstream' && phase === 'before-connect')
    return fault === 'reset' || (fault === 'stall' && !unix)
  // Nothing else resets a unix socket but that it is closed with bytes unread.
  if (unix && fault === 'reset') return false
  // What is unread has been sent: nobody sends anything to a client before the upstream has heard of it, or to a connection in the pool.
  if (fault === 'close-unread' && phase === 'first-byte') return side === 'upstream'
  if (fault === 'close-unread') return phase === 'mid-transfer' || phase === 'idle' || phase === 'draining'
  if (phase !== 'connecting') return true
  // While it is being connected to, nothing has been sent to read slowly, or to break off in the middle.
  if (fault === 'slow-read' || fault === 'partial-write') return false
  // To connect to a unix socket takes no time in which a client could do anything.
  return side === 'upstream' || !isUnix(carrier, 'upstream')
}
