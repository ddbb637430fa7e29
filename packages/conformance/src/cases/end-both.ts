import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena } from '../arena.js'
import { type Case, CaseFailure, type Finding, nameOf, otherSide, type Side } from '../case.js'
import { both, every, judge } from '../judge.js'
import { settled } from '../settled.js'
import { lateId, mirrored, reader, readLater } from './mirrored.js'

const KIB = 1024
const MIB = 1024 * KIB
const OFFERED = 16 * MIB
const AT_ONCE = 20

/** The first FIN ends both sides: each gets what the relay had received for it, and a FIN. */
export const endBothCases: readonly Case[] = [
  ...mirrored(endsBoth),
  ...mirrored(answerBefore),
  ...mirrored(otherWayCut),
  otherWaysCut('client'),
  otherWaysCut('server'),
  {
    id: 'end-empty-session',
    claim: 'a client that connects and sends FIN, not a byte: upstream and client see FIN',
    halfClose: 'close',
    alone: true,
    async run(arena) {
      const ended = arena.upstream.nextEmpty()
      const client = await arena.client()
      client.finish()
      if (!(await settled(ended, 4_000))) throw new CaseFailure('upstream: no FIN within 4000 ms')
      return judge('client', client, { atLeast: 0, ending: 'FIN' })
    },
  },
]

function endsBoth(from: Side, late: boolean): Case {
  const to = otherSide(from)
  return {
    id: `end-${from}-ends-both${lateId(late)}`,
    claim: `${nameOf(from)} sends 64 KiB and FIN: ${reader(to, late)} gets all of it, then FIN, and ${nameOf(from)} sees FIN`,
    halfClose: 'close',
    async run(arena) {
      const session = await arena.session({ late: late ? to : undefined })
      session[from].send(64 * KIB)
      session[from].finish()
      await readLater(late, session[to])
      return both(
        await judge(to, session[to], { atLeast: 64 * KIB, ending: 'FIN' }),
        await judge(from, session[from], { atLeast: 0, ending: 'FIN' }),
      )
    },
  }
}

function answerBefore(from: Side, late: boolean): Case {
  const to = otherSide(from)
  return {
    id: `end-${from}-answer-before${lateId(late)}`,
    claim: `${nameOf(to)} sends 64 KiB, ${nameOf(from)} then FIN: ${reader(from, late)} gets all of it, then FIN`,
    halfClose: 'close',
    async run(arena) {
      const session = await arena.session({ late: late ? from : undefined })
      session[to].send(64 * KIB)
      await session[to].delivered()
      // The relay's kernel has it: in a moment the relay as well.
      await sleep(100)
      session[from].finish()
      await readLater(late, session[from])
      return both(
        await judge(from, session[from], { atLeast: 64 * KIB, ending: 'FIN' }),
        await judge(to, session[to], { atLeast: 0, ending: 'FIN' }),
      )
    },
  }
}

function otherWayCut(from: Side, late: boolean): Case {
  const to = otherSide(from)
  return {
    id: `end-${from}-other-way-cut${lateId(late)}`,
    claim: `${nameOf(to)} is sending, ${nameOf(from)} sends 1 MiB and FIN: ${nameOf(to)} gets all of it, then FIN, and ${reader(from, late)} gets a beginning, byte for byte, then FIN`,
    halfClose: 'close',
    run: (arena) => cut(arena, from, late),
  }
}

function otherWaysCut(from: Side): Case {
  return {
    id: `crowd-end-${from}`,
    claim: `the same in ${AT_ONCE} sessions at once, ${nameOf(from)}s reading late: no byte of another session`,
    halfClose: 'close',
    alone: true,
    limitMs: 30_000,
    async run(arena) {
      return every(await Promise.all(Array.from({ length: AT_ONCE }, () => cut(arena, from, true))))
    },
  }
}

async function cut(arena: Arena, from: Side, late: boolean): Promise<Finding> {
  const to = otherSide(from)
  const session = await arena.session({ late: late ? from : undefined })
  session[to].pump(OFFERED)
  // Every buffer on the way is full: what waits for the reader is in memory of the relay.
  if (late) await session[to].stalled(300, 3_000)
  else await session[from].arrived(64 * KIB)
  session[to].pump(2 * OFFERED)
  session[from].send(MIB)
  session[from].finish()
  await readLater(late, session[from])
  const end = await judge(to, session[to], { atLeast: MIB, ending: 'FIN', withinMs: 8_000 })
  const { sent } = session[to]
  return both(
    end,
    await judge(from, session[from], { atLeast: 64 * KIB, sent, ending: 'FIN', withinMs: 8_000 }),
  )
}
