import { seed as runSeed } from '../../../core/test/support/random.js'
import { type Cell, type GridRun, isUnix, nameOf, type Side } from './cells.js'
import { chance, type Rng } from './chance.js'
import { Content } from './content.js'

/** What is said in a session: as many lines down as up, each the answer to one. */
export interface Conversation {
  readonly up: Content
  readonly down: Content
}

type Origin = 'dialed' | 'prewarmed' | 'reused'

/** A run with everything that is left to chance decided by its seed. */
export interface Plan extends GridRun {
  readonly seed: number
  /** Where the session's connection comes from, unless it turns out to be stale. */
  readonly origin: Origin
  /** Whether a rule proves when the connection can be shared. */
  readonly shared: boolean
  readonly main: Conversation
  /** A session before it, which leaves its connection to be reused, and one after it, which must find nothing of it. */
  readonly before: Conversation
  readonly after: Conversation
  /** What the client says before the upstream is there, or what the faulty side says before the fault, where it is about its first bytes. */
  readonly earlyBytes: number
  /** Lines that are exchanged before a fault in idleness; of a silent client none before an upstream's first byte. */
  readonly restAfter: number
  /** How much of its bytes the faulty side has sent, in the middle of a transfer. */
  readonly part: number
  /** Who sends FIN first, where no fault does: the client after its last byte or after its last answer, or the upstream. */
  readonly endsFirst: 'client-early' | 'client' | 'upstream'
  /** The other side has sent FIN before the fault. */
  readonly otherEnded: boolean
  /** The other side reads slowly what a side sends that then resets: most of it is still on its way. */
  readonly lateReader: boolean
  /** What is said to one that reads late when the relay takes no more of it: less or more than a socket reads ahead. */
  readonly extraBytes: number
  /** The drain is over before a stalled session is idle for too long. */
  readonly shortDrain: boolean
  /** The stage is a function, else a stream. */
  readonly functionStage: boolean
  readonly chunkBytes: number
}

export function planOf(run: GridRun): Plan {
  const rng = chance(nameOf(run))
  const id = (): string =>
    rng
      .int(2 ** 32)
      .toString(16)
      .padStart(8, '0')
  const lines = 8 + rng.int(40)
  const lateReader = isMoving(run) && run.late === 'nobody' && run.fault === 'reset' && rng.int(2) === 0
  const conversation = (bytesUp: number, bytesDown: number, count: number): Conversation => {
    const session = id()
    return {
      up: new Content(session, 'up', count, bytesUp, rng),
      down: new Content(session, 'down', count, bytesDown, rng),
    }
  }
  // From 16 KiB to 1 MiB, as many of one order of magnitude as of another; where bytes must be on their way, more than the kernel takes
  // at once, and for some slow readers more than it ever takes.
  const flood = run.fault === 'slow-read' && rng.int(2) === 0
  const size = (): number => {
    // A line that is left unread at rest is no more than a kernel holds.
    const orders = run.fault === 'close-unread' && !isMoving(run) ? 3 : 6
    const order = 14 + (rng.int(1_000) / 1_000) * orders
    return Math.round(2 ** (flood ? 23 : lateReader ? 20 : order))
  }
  const flow = floodOf(run)
  const up = flow?.from === 'client' ? flow.bytes : flow ? 16_384 : size()
  const down = flow?.from === 'upstream' ? flow.bytes : flow ? 16_384 : size()
  const main = conversation(up, down, lines)
  const { origin, shared } = upstreamOf(run, rng)
  const earlyBytes = earlyBytesOf(run, main, rng)
  return {
    ...run,
    seed: runSeed,
    origin,
    shared,
    main,
    before: conversation(1_000, 1_000, 2),
    after: conversation(4_000, 4_000, 3),
    earlyBytes,
    restAfter: restOf(run, lines, earlyBytes, rng),
    part: 0.2 + rng.int(400) / 1_000,
    // Where the first FIN ends both, a client that ends early has asked for less than all.
    endsFirst: rng.pick([run.halfClose === 'close' ? 'client' : 'client-early', 'client', 'upstream']),
    otherEnded: otherEndedOf(run, shared, rng),
    extraBytes: 1 + rng.int(32_768),
    lateReader,
    shortDrain: rng.int(2) === 0,
    functionStage: rng.int(2) === 0,
    chunkBytes: Math.max(64, Math.min(65_536, main.up.length >> 5)) + rng.int(63),
  }
}

function upstreamOf(run: GridRun, rng: Rng): { origin: Origin; shared: boolean } {
  const { side, phase, source } = run
  // In the pool every connection is a pooled one: a fresh one has served nobody yet.
  if (phase === 'in-pool')
    return source === 'fresh' ? { origin: 'prewarmed', shared: false } : { origin: 'reused', shared: true }
  if (source === 'fresh') return { origin: 'dialed', shared: false }
  // A pool that has nothing ready dials, too.
  if (phase === 'connecting' || (phase === 'before-connect' && side === 'upstream'))
    return { origin: 'dialed', shared: run.halfClose === 'forward' }
  const prewarmed = { origin: 'prewarmed', shared: false } as const
  // What a shared one still owes to a client that has closed is sent into its reset, or not, as it happens; and that the first FIN ends
  // both is said of connections that nobody else will have.
  const closes = run.fault === 'close' && side === 'client' && isMoving(run)
  if (closes || run.halfClose === 'close' || run.late !== 'nobody') return prewarmed
  return rng.pick([prewarmed, { origin: 'reused', shared: true } as const])
}

/** The side that sends more to one that reads late than the kernel takes, and how much; less where it is all to be on its way when that side closes. */
export function floodOf({ side, late, fault, carrier }: GridRun): { from: Side; bytes: number } | undefined {
  if (late === 'nobody') return undefined
  const from = (late === 'other') === (side === 'client') ? 'client' : 'upstream'
  const to = from === 'client' ? 'upstream' : 'client'
  return { from, bytes: fault === 'close' ? 49_152 : isUnix(carrier, to) ? 2 ** 20 : 6 * 2 ** 20 }
}

function earlyBytesOf({ side, phase, fault }: Cell, { up }: Conversation, rng: Rng): number {
  // Who is to leave unread what it is asked says nothing before it.
  if (phase === 'first-byte') return fault === 'slow-read' || fault === 'close-unread' ? 0 : rng.int(2)
  if (side !== 'client' || (phase !== 'before-connect' && phase !== 'connecting')) return 0
  // Of a client that has closed nothing may be answered.
  if (fault === 'close') return rng.int(2) * (1 + rng.int(63))
  // Whole lines or not, but no more than a socket's buffers hold while nobody reads.
  return rng.pick([0, 1 + rng.int(8_192), up.endOf(1) <= 32_768 ? up.endOf(1) : 100])
}

function restOf({ side, phase, fault }: Cell, lines: number, earlyBytes: number, rng: Rng): number {
  if (phase === 'idle') return 1 + rng.int(lines - 2)
  // An upstream's first byte is part of an answer.
  if (side !== 'upstream' || phase !== 'first-byte') return 0
  return (fault === 'close-unread' ? 1 : earlyBytes) + rng.int(3)
}

/** Bytes are on their way when the fault comes. */
export function isMoving({ phase }: Pick<Cell, 'phase'>): boolean {
  return phase === 'mid-transfer' || phase === 'draining'
}

function otherEndedOf({ side, phase, fault, halfClose }: GridRun, shared: boolean, rng: Rng): boolean {
  // Both have ended, then, or nothing comes any more that could be left unread.
  if (halfClose === 'close' || fault === 'close-unread') return false
  // That the client's FIN was seen, and is withheld from an upstream that can be shared, nobody outside can tell.
  return phase === 'draining' && !(side === 'upstream' && shared) && rng.int(2) === 0
}
