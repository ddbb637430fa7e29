import type { Cell } from './cells.js'
import type { SoakSession } from './soak-session.js'

/** How many bytes a side must have received, of those sent to it. */
interface Range {
  readonly least: number
  readonly most: number
}

/** What a session must come to; where the order of two events is nobody's, what both orders come to. */
export interface Expectation {
  readonly client: Range
  readonly upstream: Range
  /** What the client must see; undefined: not decided. */
  readonly ending: 'fin' | undefined
  /** What the relay must say; undefined: not decided. */
  readonly reasons: readonly string[] | undefined
}

// A writer that is cut off by a reset may lose, in its own process, what its kernel had received: this much comes before it can be.
const SURE_BYTES = 16 * 1024

/** What the mode promises for a session. */
export function expected(cell: Cell, session: SoakSession, limit: number): Expectation {
  const { plan, length } = session
  const { carrying, stage } = cell
  const sent = plan.partial ? plan.first : length.up
  const answered = sent >= plan.prompt ? length.down : 0
  const stageUp = stage === 'limit up' || stage === 'stops' ? limit : Number.POSITIVE_INFINITY
  const stageDown = stage === 'limit down' || stage === 'stops' ? limit : Number.POSITIVE_INFINITY
  const most = { client: Math.min(answered, stageDown), upstream: Math.min(sent, stageUp) }
  const some = (which: 'client' | 'upstream', least: number): Range => ({ least, most: most[which] })
  const gone = plan.leaving === 'reset' || plan.leaving === 'close'
  // A limit ends at its last byte, the other one at the first too many.
  const trips =
    stage === 'stops' ? sent > limit || answered > limit : sent >= stageUp || answered >= stageDown

  if (gone) {
    // A unix socket knows no reset, a close with nothing unread is a FIN, and who is gone before the accept has no address to be told by.
    const heard = session.received.down > 0 || session.stuck
    const decided = plan.leaving === 'reset' && cell.client === 'tcp' && !trips && heard
    return {
      client: some('client', 0),
      upstream: some('upstream', 0),
      ending: undefined,
      reasons: decided ? ['client-reset'] : undefined,
    }
  }
  // While the client still sends, a relay that is done with it can only reset it.
  const uploads = plan.prompt < sent && sent > SURE_BYTES
  const early = plan.leaving === 'early-fin'
  if (trips) {
    const quiet = !early && plan.first === sent && sent <= SURE_BYTES
    return {
      client: some('client', stage === 'limit down' && quiet ? most.client : 0),
      upstream: some(
        'upstream',
        answered <= SURE_BYTES && quiet && stage === 'limit down' ? most.upstream : 0,
      ),
      // Who writes to a relay that is done with it is told so by a reset.
      ending: sent <= SURE_BYTES && plan.first === sent ? 'fin' : undefined,
      reasons: early ? undefined : ['stage-end'],
    }
  }
  // A goodbye that comes in two reads is passed on: then the upstream ends it.
  const cut = plan.farewell && early && sent > SURE_BYTES
  const reasons = cut ? undefined : [plan.upstreamFirst ? 'upstream-end' : 'client-end']
  // A rule withholds the client's FIN until the answers have come.
  const cuts = carrying.closes && (carrying.sharing !== 'proof' || plan.upstreamFirst)
  if (!cuts)
    return { client: some('client', answered), upstream: some('upstream', sent), ending: 'fin', reasons }
  if (plan.upstreamFirst) {
    const upstream = some('upstream', uploads ? 0 : sent)
    const client = some('client', uploads ? 0 : answered)
    return { client, upstream, ending: uploads ? undefined : 'fin', reasons }
  }
  if (!early)
    return { client: some('client', answered), upstream: some('upstream', sent), ending: 'fin', reasons }
  const upstreamLeast = carrying.sharing === 'trust' ? sent : 0
  return { client: some('client', 0), upstream: some('upstream', upstreamLeast), ending: 'fin', reasons }
}
