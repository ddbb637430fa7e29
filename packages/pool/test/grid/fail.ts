import { TLSSocket } from 'node:tls'
import { endsBoth, isSilenced } from './claims.js'
import { seen } from './deadline.js'
import type { GridPeer } from './peer.js'
import { isMoving, type Plan } from './plan.js'
import type { GridSession } from './session.js'

const SOON_MS = 8_000
const STUCK_TURNS = 50

/** The fault, on a session that has reached its phase. */
export async function fail(
  plan: Plan,
  session: GridSession,
  faulty: GridPeer,
  other: GridPeer | undefined,
): Promise<void> {
  const { fault } = plan
  if (fault === 'fin') faulty.finish(plan.late === 'nobody' ? 'line' : 'here')
  else if (fault === 'reset') faulty.reset()
  else if (fault === 'close') await close(session, faulty, other)
  else if (fault === 'close-unread') await closeUnread(plan, session, faulty, other)
  else if (fault === 'stall') faulty.stall()
  else if (fault === 'slow-read') faulty.readSlowly()
  else if (fault === 'slow-write') faulty.writeSlowly()
  else {
    // Where the other says no more, nobody asks for the line that is broken off.
    if (endsBoth(plan)) faulty.allow(Number.POSITIVE_INFINITY)
    faulty.finish('half a line')
  }
}

/** Nothing of it is in its own queue any more, and nothing of the other, who says no more, unread. */
async function close(
  { condition }: GridSession,
  faulty: GridPeer,
  other: GridPeer | undefined,
): Promise<void> {
  faulty.hold(faulty.sent)
  // The end of a handshake is to be read, too.
  const { socket } = faulty
  const isShaking = (): boolean => socket instanceof TLSSocket && socket.getPeerFinished() === undefined
  await seen(
    () => !isShaking(),
    SOON_MS,
    () => 'in its handshake',
  )
  await condition.met(() => faulty.isFlushed && faulty.receivedBytes === (other?.sent ?? 0))
  faulty.close(false)
}

/** What the relay has handed on and it has not read is in its kernel. */
async function closeUnread(
  plan: Plan,
  session: GridSession,
  faulty: GridPeer,
  other: GridPeer | undefined,
): Promise<void> {
  const { side, phase, main, restAfter } = plan
  const client = session.client as GridPeer
  const upstream = session.upstream as GridPeer
  const toIt = side === 'client' ? 'down' : 'up'
  let enough = faulty.receivedBytes + 1
  faulty.stopReading()
  if (isMoving(plan)) {
    client.hold(Number.POSITIVE_INFINITY)
    upstream.hold(Number.POSITIVE_INFINITY)
  } else {
    // One more line, of which a client does not read the answer, and an upstream nothing.
    const lines = phase === 'idle' ? restAfter + 1 : restAfter
    client.hold(main.up.endOf(lines))
    enough = main[toIt].endOf(lines)
  }
  let turns = 0
  await seen(
    // What the kernel has taken of a chunk in part counts as not taken: what was sent and does not come on has filled its queue.
    () => session.relayed(toIt) >= enough || ((other?.sent ?? 0) >= enough && turns++ > STUCK_TURNS),
    SOON_MS,
    () => `nothing is left unread, ${session.state}`,
  )
  if (isSilenced(plan)) other?.silence()
  faulty.close(true)
}
