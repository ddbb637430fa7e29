import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, type Finding, nameOf, otherSide, type Side } from '../case.js'
import { both, bytes, judge } from '../judge.js'
import type { Peer } from '../peer.js'
import { settled } from '../settled.js'

const KIB = 1024
const MIB = 1024 * KIB
const OFFERED = 128 * MIB
// What a sender whose reader is gone may still get rid of: into one connection's buffers.
const MAX_TAKEN = 32 * MIB
// Two connections' worst: tcp_rmem lets a receive buffer grow to 32 MiB on a recent Linux, tcp_wmem a send buffer to 4. A relay that piles
// up takes all that is offered.
const MAX_HELD = 80 * MIB
const NEIGHBOURS = 20
const DRIPS = 30

/** What flows, flows; what is not read is not piled up; who is gone is not sent to. */
export const flowCases: readonly Case[] = [
  ...(['client', 'server'] as const).flatMap((side) => [
    gone(side, 'reset'),
    gone(side, 'close'),
    backpressure(side),
    stuck(side),
  ]),
  {
    id: 'flow-drip',
    claim: 'a byte each 100 ms both ways for 3 s: each comes within 1 s, and the session lives to its FINs',
    async run(arena) {
      const { client, server } = await arena.session()
      let slowest = 0
      for (let n = 1; n <= DRIPS; n += 1) {
        const sentAt = performance.now()
        client.send(1)
        server.send(1)
        await Promise.all([client.arrived(n, 1_000), server.arrived(n, 1_000)])
        slowest = Math.max(slowest, performance.now() - sentAt)
        await sleep(100 - Math.min(99, performance.now() - sentAt))
      }
      client.finish()
      server.finish()
      const ends = both(
        await judge('client', client, { atLeast: DRIPS, ending: 'FIN' }),
        await judge('server', server, { atLeast: DRIPS, ending: 'FIN' }),
      )
      return both(ends, { pass: true, seen: `the slowest byte took ${slowest.toFixed(1)} ms` })
    },
  },
]

/** One side is gone while the other is sending to it. */
function gone(side: Side, how: 'reset' | 'close'): Case {
  const sender = otherSide(side)
  const what = how === 'reset' ? 'resets' : 'closes its socket'
  return {
    id: `flow-${side}-${how}-stops-sender`,
    claim: `${nameOf(side)} ${what} while ${nameOf(sender)} sends: it is stopped within 2 s, after at most 32 MiB more`,
    // Of TCP a reset is told; a close with nothing unread is a FIN there, too.
    beyond: (how === 'close' ? (['unix', 'tcp'] as const) : (['unix'] as const)).map((transport) => ({
      side,
      transport,
      halfClose: 'close',
      why: 'closed between two reads it looks like a FIN, behind which the relay may throw away what comes',
    })),
    async run(arena) {
      const session = await arena.session()
      session[sender].pump(Number.POSITIVE_INFINITY)
      await session[side].arrived(MIB)
      const before = session[sender].taken
      const goneAt = performance.now()
      session[side][how]()
      const stopped = await settled(session[sender].stopped, 2_000)
      const more = session[sender].taken - before
      const ms = Math.round(performance.now() - goneAt)
      const end = stopped
        ? `stopped after ${ms} ms by ${await session[sender].stopped}`
        : 'still sending after 2 s'
      return {
        pass: stopped && more <= MAX_TAKEN,
        seen: `${nameOf(sender)}: ${end}, ${bytes(more)} more were taken`,
      }
    },
  }
}

function backpressure(side: Side): Case {
  const sender = otherSide(side)
  return {
    id: `flow-${side}-backpressure`,
    claim: `${nameOf(side)} reads nothing: at most 80 MiB are taken from ${nameOf(sender)}, and all of it comes once it reads`,
    async run(arena) {
      const session = await arena.session({ late: side })
      session[sender].pump(OFFERED)
      await session[sender].stalled(700, 5_000)
      const { taken } = session[sender]
      session[sender].finish()
      session[side].read()
      const end = await judge(side, session[side], { atLeast: session[sender].sent, ending: 'FIN' })
      return both({ pass: taken <= MAX_HELD, seen: `${bytes(taken)} taken` }, end)
    },
  }
}

/** A side that neither reads nor closes. */
function stuck(side: Side): Case {
  const sender = otherSide(side)
  return {
    id: `flow-${side}-stuck`,
    claim: `${nameOf(side)} never reads, nor closes: what it sends still flows, and ${NEIGHBOURS} other sessions are served within 5 s`,
    async run(arena) {
      const session = await arena.session({ late: side })
      session[sender].pump(OFFERED)
      await session[sender].stalled(300, 2_000)
      session[side].send(256 * KIB)
      const own = await reached(session[sender], sender, 256 * KIB)
      const startedAt = performance.now()
      const neighbours = await Promise.all(
        Array.from({ length: NEIGHBOURS }, () => exchange(() => arena.session())),
      )
      const ms = Math.round(performance.now() - startedAt)
      const served = neighbours.filter(({ pass }) => pass).length
      return both(own, {
        pass: served === NEIGHBOURS && ms <= 5_000,
        seen: neighbours.find(({ pass }) => !pass)?.seen ?? `${served} others served in ${ms} ms`,
      })
    },
  }
}

async function reached(peer: Peer, side: Side, count: number): Promise<Finding> {
  await peer.arrived(count, 2_000)
  return { pass: peer.intact, seen: `${nameOf(side)}: ${bytes(peer.bytes)} came` }
}

async function exchange(open: () => Promise<Readonly<Record<Side, Peer>>>): Promise<Finding> {
  const { client, server } = await open()
  const peers = [client, server]
  for (const peer of peers) peer.send(64 * KIB)
  await Promise.all(peers.map((peer) => peer.arrived(64 * KIB, 4_000)))
  for (const peer of peers) peer.finish()
  return both(
    await judge('client', client, { atLeast: 64 * KIB, ending: 'FIN', withinMs: 2_000 }),
    await judge('server', server, { atLeast: 64 * KIB, ending: 'FIN', withinMs: 2_000 }),
  )
}
