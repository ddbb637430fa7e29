import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, CaseFailure, nameOf, otherSide, type Side } from '../case.js'
import { both, judge } from '../judge.js'
import { settled } from '../settled.js'
import { lateId, mirrored, reader, readLater } from './mirrored.js'

const KIB = 1024
const MIB = 1024 * KIB
const PIECE = 1_999

/** FIN as FIN: one side's end is handed on, and takes nothing from the other side. */
export const halfCloseCases: readonly Case[] = [
  ...mirrored(lateAnswer),
  lateReader('client'),
  lateReader('server'),
  ...mirrored(endsFirst),
  ...mirrored(dataWithFin),
  simultaneous(false),
  simultaneous(true),
  {
    id: 'fin-empty-session',
    claim:
      'a client that connects and sends FIN, not a byte: the upstream sees that, and its answer comes back',
    halfClose: 'forward',
    alone: true,
    async run(arena) {
      const ended = arena.upstream.nextEmpty()
      const client = await arena.client()
      // It says no hello, so the first connection that ends without one is its own.
      client.play('empty', 'client')
      client.finish()
      if (!(await settled(ended, 4_000))) throw new CaseFailure('upstream: no FIN within 4000 ms')
      const server = await ended
      server.play('empty', 'server')
      server.send(KIB)
      server.finish()
      const answer = await judge('client', client, { atLeast: KIB, ending: 'FIN' })
      return both({ pass: server.ending === 'FIN', seen: `upstream: ${server.ending}` }, answer)
    },
  },
]

function lateAnswer(from: Side, late: boolean): Case {
  const to = otherSide(from)
  return {
    id: `fin-${from}-late-answer${lateId(late)}`,
    claim: `${nameOf(from)} sends FIN, ${nameOf(to)} sends 1 MiB 1.5 s later: ${late ? `${reader(from, late)} gets ` : ''}all of it, then FIN`,
    halfClose: 'forward',
    async run(arena) {
      const session = await arena.session({ late: late ? from : undefined })
      session[from].send(KIB)
      session[from].finish()
      const end = await judge(to, session[to], { atLeast: KIB, ending: 'FIN', withinMs: 1_400 })
      if (session[to].ending === 'open') return end
      await sleep(1_500)
      session[to].send(MIB)
      session[to].finish()
      await readLater(late, session[from])
      return both(end, await judge(from, session[from], { atLeast: MIB, ending: 'FIN' }))
    },
  }
}

function lateReader(from: Side): Case {
  const to = otherSide(from)
  return {
    id: `fin-${from}-late-reader`,
    claim: `${nameOf(from)} sends 8 MiB and FIN, ${nameOf(to)} starts to read 1 s later: all of it, then FIN`,
    async run(arena) {
      const session = await arena.session({ late: to })
      const late = sleep(1_000).then(() => session[to].read())
      // In small pieces: what a relay cannot pass on is then one of them, and not a full buffer.
      await session[from].trickle(8 * MIB, PIECE)
      session[from].finish()
      await late
      return judge(to, session[to], { atLeast: 8 * MIB, ending: 'FIN' })
    },
  }
}

function endsFirst(from: Side, late: boolean): Case {
  const to = otherSide(from)
  return {
    id: `fin-${from}-other-way-whole${lateId(late)}`,
    claim: `both send, ${reader(from, late)} ends after 1 MiB: what ${nameOf(to)} sends goes on, all 8 MiB of it, then FIN`,
    halfClose: 'forward',
    async run(arena) {
      const session = await arena.session({ late: late ? from : undefined })
      session[to].send(4 * MIB)
      session[from].send(MIB)
      session[from].finish()
      const end = await judge(to, session[to], { atLeast: MIB, ending: 'FIN' })
      await sleep(300)
      session[to].send(4 * MIB)
      session[to].finish()
      await readLater(late, session[from])
      return both(end, await judge(from, session[from], { atLeast: 8 * MIB, ending: 'FIN' }))
    },
  }
}

// The kernel puts the FIN into the packet of the last bytes when these still wait to be sent: sure for the large one, at times for the
// small ones. To the relay both look alike then: bytes and their end in one wake-up.
function dataWithFin(from: Side, late: boolean): Case {
  const to = otherSide(from)
  return {
    id: `fin-${from}-with-data${lateId(late)}`,
    claim: `${nameOf(from)} sends 1 B, 200 KiB, 1 MiB in one go with FIN, in sessions of their own: ${late ? `${reader(to, late)} gets ` : ''}all of it, then FIN`,
    async run(arena) {
      const findings = []
      for (const bytes of [1, 200 * KIB, MIB]) {
        const session = await arena.session({ late: late ? to : undefined })
        session[from].send(bytes)
        session[from].finish()
        await readLater(late, session[to])
        findings.push(await judge(to, session[to], { atLeast: bytes, ending: 'FIN' }))
      }
      return both(...findings)
    },
  }
}

function simultaneous(late: boolean): Case {
  return {
    id: `fin-simultaneous${lateId(late)}`,
    claim: `both sides send 64 KiB and FIN at the same moment: both get all of it${late ? ', the client late' : ''}, then FIN`,
    halfClose: 'forward',
    async run(arena) {
      const { client, server } = await arena.session({ late: late ? 'client' : undefined })
      for (const peer of [client, server]) {
        peer.send(64 * KIB)
        peer.finish()
      }
      await readLater(late, client)
      return both(
        await judge('client', client, { atLeast: 64 * KIB, ending: 'FIN' }),
        await judge('server', server, { atLeast: 64 * KIB, ending: 'FIN' }),
      )
    },
  }
}
