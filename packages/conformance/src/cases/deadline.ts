import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, CaseFailure, type Finding } from '../case.js'
import type { Deadlines } from '../deadlines.js'
import { both, judge, sees } from '../judge.js'
import type { Peer } from '../peer.js'

const SLACK_MS = 1_000
const MAX_CASE_MS = 8_000

/** Only for a relay that has deadlines, and was started with these: how it cuts, and whom it spares. */
export function deadlineCases({ idleMs = 0, maxDurationMs = 0 }: Deadlines): readonly Case[] {
  const cases: Case[] = []
  if (idleMs > 0) cases.push(idleIsCut(idleMs))
  const dripMs = Math.min(3 * idleMs, MAX_CASE_MS)
  if (idleMs > 0 && (maxDurationMs === 0 || maxDurationMs > dripMs))
    cases.push(dripOutlivesIdle(idleMs, dripMs))
  if (maxDurationMs > 0) cases.push(dripIsCut(maxDurationMs))
  return cases
}

function idleIsCut(idleMs: number): Case {
  return {
    id: 'deadline-idle',
    claim: `a session idle for ${idleMs} ms is ended by a reset of both sides`,
    async run(arena) {
      const session = await arena.session()
      return cutBetween(session, performance.now(), idleMs, 2 * idleMs + SLACK_MS)
    },
  }
}

function dripOutlivesIdle(idleMs: number, forMs: number): Case {
  return {
    id: 'deadline-idle-drip',
    claim: `a byte each ${idleMs / 5} ms keeps a session alive for ${forMs} ms`,
    async run(arena) {
      const { client, server } = await arena.session()
      const startedAt = performance.now()
      while (performance.now() - startedAt < forMs) {
        client.send(1)
        await server.arrived(client.sent, idleMs)
        await sleep(idleMs / 5)
      }
      client.finish()
      server.finish()
      return both(
        await judge('server', server, { atLeast: client.sent, ending: 'FIN' }),
        await judge('client', client, { atLeast: 0, ending: 'FIN' }),
      )
    },
  }
}

function dripIsCut(maxDurationMs: number): Case {
  return {
    id: 'deadline-duration',
    claim: `a byte each 100 ms does not save a session from its end after ${maxDurationMs} ms, by a reset of both sides`,
    async run(arena) {
      const session = await arena.session()
      const startedAt = performance.now()
      const drip = setInterval(() => session.client.send(1), 100)
      try {
        return await cutBetween(session, startedAt, maxDurationMs, maxDurationMs + SLACK_MS)
      } finally {
        clearInterval(drip)
      }
    },
  }
}

async function cutBetween(
  { client, server }: Readonly<Record<'client' | 'server', Peer>>,
  startedAt: number,
  fromMs: number,
  toMs: number,
): Promise<Finding> {
  const endings = await Promise.all([client.endsWithin(toMs), server.endsWithin(toMs)])
  const ms = Math.round(performance.now() - startedAt)
  if (endings.includes('open')) throw new CaseFailure(`still open after ${ms} ms`)
  return {
    // The session is a little older than our clock.
    pass: ms >= fromMs * 0.9 && [client, server].every((peer) => sees(peer, 'reset')),
    seen: `after ${ms} ms, client: ${endings[0]}, upstream: ${endings[1]}`,
  }
}
