import { endsBoth } from './claims.js'
import { still } from './deadline.js'
import type { GridPeer } from './peer.js'
import { floodOf, type Plan } from './plan.js'
import type { GridSession } from './session.js'

const STEP_BYTES = 4_096
// Only large reads are lent on by the relay, and not copied.
const LARGE_STEP_BYTES = 262_144
// In so many turns of the loop that we share with the relay it has done all that it can.
const PIECE_BYTES = 1_024
const TURNS = 4
const SETTLED_TURNS = 40
const MORE_BYTES = 262_144

/** One side reads nothing from now on, and the other says so much that the relay takes no more of it; and a little on top. */
export async function reachFlood(plan: Plan, session: GridSession): Promise<void> {
  const { writer, reader, direction } = floodIn(plan, session)
  await session.condition.met(() => writer.atHold && writer.isFlushed && reader.receivedBytes === writer.sent)
  reader.stopReading()
  const step = endsBoth(plan) ? LARGE_STEP_BYTES : STEP_BYTES
  for (let last = -1, now = 0; now > last && !writer.saidAll; ) {
    last = now
    writer.hold(writer.sent + step)
    await still(() => session.relayed(direction), TURNS)
    now = session.relayed(direction)
  }
  // In pieces that the relay reads one by one: some it still hands over, some it reads ahead, some it leaves in the kernel.
  for (let bytes = plan.extraBytes; bytes > 0; bytes -= PIECE_BYTES) {
    writer.hold(writer.sent + Math.min(bytes, PIECE_BYTES))
    await still(() => writer.sent, TURNS)
  }
}

/** The fault has happened: what does not read yet reads as soon as the relay has done what it can. */
export async function readLate(plan: Plan, session: GridSession): Promise<void> {
  const { writer, reader, direction } = floodIn(plan, session)
  if (plan.late === 'self') {
    // Behind a FIN that ends both there is more to come, which is for nobody; behind any other the end.
    if (endsBoth(plan)) writer.hold(writer.sent + MORE_BYTES)
    else {
      await session.condition.met(() => writer.ending === 'fin')
      writer.finish('here')
    }
  }
  await still(() => session.relayed(direction), SETTLED_TURNS)
  reader.readOn()
}

function floodIn(
  plan: Plan,
  { client, upstream }: GridSession,
): { writer: GridPeer; reader: GridPeer; direction: 'up' | 'down' } {
  const [writer, reader, direction] =
    floodOf(plan)?.from === 'client'
      ? ([client, upstream, 'up'] as const)
      : ([upstream, client, 'down'] as const)
  return { writer: writer as GridPeer, reader: reader as GridPeer, direction }
}
