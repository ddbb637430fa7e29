import { type Cell, endsEarly, type Rng } from './cells.js'
import { type Dialect, dialects, type Service } from './dialects.js'
import { UNIT_BYTES } from './pattern.js'

/**
 * How a client leaves: `fin` when it has the whole answer, `early-fin` while the answer still comes, `reset`, or `close` with bytes unread.
 */
type Leaving = 'fin' | 'early-fin' | 'reset' | 'close'

type Size = 'tiny' | 'medium' | 'large'

/** What one session does; the bytes are made of its number. */
export interface Plan {
  readonly size: Size
  /** The client reads nothing before the relay is stuck with what it holds for it. */
  readonly late: boolean
  /** The same of the upstream, which then answers a request that is still on its way. */
  readonly held: boolean
  readonly leaving: Leaving
  /** Bytes received at which a client that reads at once leaves, or sends what it has kept back. */
  readonly leaveAt: number
  /** The client says that it leaves, in the words of its protocol, and sends no FIN of its own. */
  readonly farewell: boolean
  /** The upstream sends FIN behind its answer; else it waits for the client's. */
  readonly upstreamFirst: boolean
  /** How much of the request is sent at first. */
  readonly first: number
  /** Whether the rest of the request is never sent. */
  readonly partial: boolean
  /** How much of the request the upstream has to have before it answers. */
  readonly prompt: number
  /** How many other sessions are over before a client that reads late does read, after it has left. */
  readonly dwell: number
}

export interface PlannedSession {
  readonly plan: Plan
  readonly request: Buffer
  readonly answer: Buffer
  readonly farewell: Service | undefined
}

const KIB = 1024

// What is on its way between two TCP sockets of one machine is up to 3 MiB; a unix socket takes 200 KiB.
const LARGE = { tcp: [3_500 * KIB, 6_000 * KIB], unix: [1_000 * KIB, 3_000 * KIB] } as const
// Behind these every request has told whose it is.
const HEAD_BYTES = 64
// More than the second of two requests in one, so that half of a request is never one whole request.
const TAIL_BYTES = 24
const MEDIUM_ONE_IN = 12
// Of so many sessions of a relay these are large. The first of them read late; when they are stuck with the relay's memory on loan, and
// leave, the others come, which need such memory.
const PERIOD = 1_000
const LATE_FROM = 20
const LATE_TO = 26
const HELD_TO = 32
const EAGER = new Set([70, 71, 72, 110, 111, 112, 150, 151])

/** How many bytes the stage of a cell lets pass. */
export function limitOf({ stage, carrying }: Cell, rng: Rng): number {
  if (stage === 'limit down') return rng.pick([10, 4_096, 65_536, 300_000])
  // What goes up tells whose it is behind the head of its protocol; and a whole request is needed before there is an answer.
  const least = carrying.dialect === 'raw' ? [10, 64] : [200]
  return rng.pick([...least, 4_096, 40_000, ...(stage === 'stops' ? [300_000] : [])])
}

/** Draws what a session does. @param index - How many the relay has had before. */
export function planned(session: number, index: number, cell: Cell, limit: number, rng: Rng): PlannedSession {
  const { carrying, stage } = cell
  const isRaw = carrying.dialect === 'raw'
  const place = index % PERIOD
  const stuck = place >= LATE_FROM && place < LATE_TO
  const held = place >= LATE_TO && place < HELD_TO && canBeHeld(cell)
  const size: Size =
    stuck || held || EAGER.has(place) ? 'large' : oneIn(MEDIUM_ONE_IN, rng) ? 'medium' : 'tiny'
  const late = held ? false : size === 'large' ? stuck : oneIn(size === 'medium' ? 3 : 20, rng)
  const tripsUp = stage === 'limit up'
  const leaving = tripsUp || held ? 'fin' : rng.pick(LEAVINGS)
  const uploaded = tripsUp ? 0 : held ? bytesOf(size, cell.upstream, rng) : uploadBytes(isRaw, rng)
  const dialect: Dialect = dialects[carrying.dialect]
  const asked = dialect.request(session, uploaded)
  // What trips the stage comes behind what was asked: while the answer is on its way.
  const request = tripsUp ? tripping(session, cell, asked, limit + 1 + rng.int(20_000)) : asked
  // An answer to half a request is none of the protocols that are proved.
  const answerBytes = bytesOf(held ? 'tiny' : size, cell.client, rng)
  const answer = held && !isRaw ? Buffer.alloc(0) : dialect.answer(session, answerBytes, uploaded)
  // Under trust the user vouches that each request is answered whole before its client leaves.
  const partial =
    !(tripsUp || late || leaving === 'fin' || carrying.sharing === 'trust') &&
    request.length > HEAD_BYTES + TAIL_BYTES &&
    oneIn(3, rng)
  const ends = leaving === 'fin' && !endsEarly(stage) && (held || carrying.sharing !== 'proof')
  const upstreamFirst =
    ends && (held ? !isRaw || !oneIn(4, rng) : oneIn(carrying.sharing === 'trust' ? 10 : 3, rng))
  const duplex = !tripsUp && !held && isRaw && carrying.sharing === 'never' && oneIn(2, rng)
  const prompt = duplex ? UNIT_BYTES : held ? HEAD_BYTES : asked.length
  const least = isRaw ? UNIT_BYTES : HEAD_BYTES
  const part = least + rng.int(Math.max(1, request.length - least - TAIL_BYTES))
  const first = tripsUp ? asked.length : partial || (duplex && late && !upstreamFirst) ? part : request.length
  const unanswered = partial && first < prompt
  const says = leaving === 'fin' || leaving === 'early-fin'
  const farewell =
    dialect.farewell !== undefined &&
    says &&
    !(partial || held || upstreamFirst || endsEarly(stage)) &&
    oneIn(3, rng)
  return {
    request,
    answer,
    farewell: farewell ? dialect.farewell : undefined,
    plan: {
      size,
      late,
      held,
      leaving,
      farewell,
      leaveAt: unanswered || held || oneIn(3, rng) ? 0 : rng.int(answer.length),
      upstreamFirst,
      first,
      partial,
      prompt,
      dwell: rng.pick([20, 100, 200]),
    },
  }
}

function oneIn(count: number, rng: Rng): boolean {
  return rng.int(count) === 0
}

function tripping(session: number, { carrying }: Cell, asked: Buffer, bytes: number): Buffer {
  const dialect = dialects[carrying.dialect]
  // A stream of its own has one pattern, from its first unit on.
  if (carrying.dialect === 'raw') return dialect.request(session, Math.max(bytes, asked.length + 1))
  return Buffer.concat([asked, dialect.request(session, bytes)]).subarray(
    0,
    Math.max(bytes, asked.length + 1),
  )
}

const LEAVINGS: readonly Leaving[] = ['fin', 'fin', 'fin', 'fin', 'early-fin', 'early-fin', 'reset', 'close']

// With a stage in front of the upstream there is no memory of the relay's on loan to it.
function canBeHeld({ stage, carrying }: Cell): boolean {
  return stage === 'none' || (stage === 'limit down' && carrying.dialect === 'raw')
}

function bytesOf(size: Size, receiver: Cell['upstream'], rng: Rng): number {
  if (size === 'tiny') return 16 + rng.int(500)
  if (size === 'medium') return (64 + rng.int(136)) * KIB
  const [least, most] = LARGE[receiver === 'unix' ? 'unix' : 'tcp']
  return least + rng.int(most - least)
}

function uploadBytes(isRaw: boolean, rng: Rng): number {
  const kind = rng.int(30)
  if (kind === 0) return (64 + rng.int(136)) * KIB
  if (kind < 10) return 64 + rng.int(1_000)
  return isRaw ? 8 + rng.int(64) : 0
}
