import { type Case, nameOf, otherSide, type Side } from '../case.js'
import { bytes, judge } from '../judge.js'
import { lateId, mirrored, reader, readLater, waitingBytes } from './mirrored.js'

const KIB = 1024
const TLS = [
  {
    side: 'server',
    transport: 'tls',
    why: 'closing without close_notify cuts a TLS stream, and looks like its end; with it, it is a FIN',
  },
] as const

/** A program that closes its socket instead of ending its stream: a FIN for who reads, unless it left something unread. */
export const closeCases: readonly Case[] = [...mirrored(closes), ...mirrored(closesUnread)]

function closes(from: Side, late: boolean): Case {
  const to = otherSide(from)
  const answer = waitingBytes(late, 256 * KIB)
  return {
    id: `close-${from}${lateId(late)}`,
    claim: `${nameOf(from)} reads 1 KiB, sends ${bytes(answer)}, and closes its socket: ${reader(to, late)} gets all of it, then FIN`,
    beyond: TLS,
    async run(arena) {
      const session = await arena.session({ late: late ? to : undefined })
      session[to].send(KIB)
      await session[from].arrived(KIB)
      session[from].send(answer)
      await session[from].flushed()
      session[from].close()
      await readLater(late, session[to])
      return judge(to, session[to], { atLeast: answer, ending: 'FIN' })
    },
  }
}

function closesUnread(from: Side, late: boolean): Case {
  const to = otherSide(from)
  const answer = waitingBytes(late, 256 * KIB)
  return {
    id: `close-${from}-unread${lateId(late)}`,
    claim: `${nameOf(from)} leaves 1 KiB unread, sends ${bytes(answer)}, and closes its socket: ${reader(to, late)} gets all of it, then a reset`,
    beyond: TLS,
    async run(arena) {
      const session = await arena.session({ late: late ? to : undefined, unread: from })
      session[from].send(answer)
      await session[from].delivered()
      session[from].close()
      await readLater(late, session[to])
      return judge(to, session[to], { atLeast: answer, ending: 'reset' })
    },
  }
}
