import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, CaseFailure, nameOf, otherSide, type Side } from '../case.js'
import { bytes, judge } from '../judge.js'
import { lateId, reader, readLater, waitingBytes } from './mirrored.js'

const KIB = 1024
const MIB = 1024 * KIB
const ROUNDS = 10
const ROUND_BYTES = 8 * KIB

/**
 * Reset as reset: never as a FIN, which would make a cut stream look whole; and behind what was sent before it.
 *
 * "Sent before" is what the relay's own kernel had acknowledged: a reset makes the resetting kernel throw away the rest.
 */
export const resetCases: readonly Case[] = (['client', 'server'] as const).flatMap((from) => [
  idle(from),
  afterData(from, false),
  afterData(from, true),
  midTransfer(from, false),
  midTransfer(from, true),
  afterOthersFin(from, false),
  afterOthersFin(from, true),
  withData(from, false),
  withData(from, true),
])

function idle(from: Side): Case {
  const to = otherSide(from)
  return {
    id: `reset-${from}-idle`,
    claim: `${nameOf(from)} resets an idle session: ${nameOf(to)} sees a reset`,
    async run(arena) {
      const session = await arena.session({ resets: from })
      await sleep(200)
      session[from].reset()
      return judge(to, session[to], { atLeast: 0, ending: 'reset' })
    },
  }
}

function afterData(from: Side, late: boolean): Case {
  const to = otherSide(from)
  return {
    id: `reset-${from}-after-data${lateId(late)}`,
    claim: `${nameOf(from)} sends 1 MiB, then resets: ${reader(to, late)} gets all of it, then a reset`,
    beyond: late
      ? [
          {
            side: to,
            transport: 'unix',
            why: 'the queue of a late reader is too short for the relay to take 1 MiB',
          },
        ]
      : [],
    async run(arena) {
      const session = await arena.session({ late: late ? to : undefined, resets: from })
      session[from].send(MIB)
      await session[from].delivered()
      session[from].reset()
      await readLater(late, session[to])
      return judge(to, session[to], { atLeast: MIB, ending: 'reset' })
    },
  }
}

function midTransfer(from: Side, late: boolean): Case {
  const to = otherSide(from)
  return {
    id: `reset-${from}-mid-transfer${lateId(late)}`,
    claim: `${nameOf(from)} resets while it sends: ${reader(to, late)} gets what the relay had taken, then a reset`,
    async run(arena) {
      const session = await arena.session({ late: late ? to : undefined, resets: from })
      session[from].pump(Number.POSITIVE_INFINITY)
      if (late) await session[from].stalled(300, 3_000)
      else await session[to].arrived(4 * MIB)
      const atLeast = await session[from].acknowledged()
      const { sent } = session[from]
      session[from].reset()
      await readLater(late, session[to])
      return judge(to, session[to], { atLeast, sent, ending: 'reset' })
    },
  }
}

function afterOthersFin(from: Side, late: boolean): Case {
  const to = otherSide(from)
  const rest = waitingBytes(late, 256 * KIB)
  return {
    id: `reset-${from}-after-other-fin${lateId(late)}`,
    claim: `${nameOf(to)} sends FIN, ${nameOf(from)} ${bytes(rest)} and a reset: ${reader(to, late)} gets all of it, then a reset`,
    halfClose: 'forward',
    beyond: [
      { side: from, transport: 'unix', why: 'who has read up to a FIN has nothing unread to reset with' },
    ],
    async run(arena) {
      const session = await arena.session({ late: late ? to : undefined, resets: from })
      session[to].finish()
      const end = await session[from].endsWithin(2_000)
      if (end !== 'FIN') throw new CaseFailure(`${nameOf(from)}: no FIN of the ${nameOf(to)}, but: ${end}`)
      session[from].send(rest)
      await session[from].delivered()
      // Apart from the data: a reset that comes with it, behind the relay's own FIN, no program on Node 20 can tell from a FIN.
      await sleep(200)
      session[from].reset()
      await readLater(late, session[to])
      return judge(to, session[to], { atLeast: rest, ending: 'reset' })
    },
  }
}

// A reset's own packet carries no bytes on Linux. Bytes and reset are sent in one go instead, so that both are there when the relay looks.
function withData(from: Side, late: boolean): Case {
  const to = otherSide(from)
  const rounds = late ? 3 : ROUNDS
  return {
    id: `reset-${from}-with-data${lateId(late)}`,
    claim: `${nameOf(from)} sends 8 KiB and a reset in one go, ${rounds} times: ${reader(to, late)} gets all of it, then a reset`,
    async run(arena) {
      for (let round = 1; round <= rounds; round += 1) {
        const session = await arena.session({ late: late ? to : undefined, resets: from })
        // Over a network nothing may have left when the reset takes it back; loopback has handed it over.
        const atLeast = session[from].onLoopback ? ROUND_BYTES : 0
        session[from].send(ROUND_BYTES)
        session[from].reset()
        await readLater(late, session[to])
        const finding = await judge(to, session[to], {
          atLeast,
          sent: ROUND_BYTES,
          ending: 'reset',
        })
        if (!finding.pass) return { ...finding, seen: `round ${round}: ${finding.seen}` }
      }
      return { pass: true, seen: `${nameOf(to)}: ${rounds} times ${bytes(ROUND_BYTES)}, then reset` }
    },
  }
}
